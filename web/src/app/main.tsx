import "../design/base.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { synchroniseFlashes } from "../design/flash-clock";
import { applyMotion } from "../design/motion";
import { applyTheme } from "../design/theme";
import { App } from "./app";

const THEME_CHECK_MS = 30_000;

applyMotion();
applyTheme();
setInterval(applyTheme, THEME_CHECK_MS);
synchroniseFlashes();

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
