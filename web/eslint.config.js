import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

/** Imports run app > features > session > design | live | api; features never meet. */
const walls = (folder, forbidden, why) => ({
  files: [`src/${folder}/**/*.{ts,tsx}`],
  rules: {
    "no-restricted-imports": ["error", { patterns: forbidden.map((group) => ({ group: [group], message: why })) }],
  },
});

const FEATURES = ["login", "ward", "patient", "alarms", "devices", "maps", "log", "settings"];

export default tseslint.config(
  { ignores: ["dist", "node_modules", "public", "eslint.config.js", "src/api/schema.ts"] },
  ...tseslint.configs.strictTypeChecked,
  reactHooks.configs.flat["recommended-latest"],
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/switch-exhaustiveness-check": "off", // `satisfies never` says it in the code
      "no-restricted-syntax": [
        "error",
        { selector: "ExportDefaultDeclaration", message: "Named exports only." },
        { selector: "ExportAllDeclaration", message: "No barrels." },
      ],
      "no-console": "error",
      eqeqeq: ["error", "always", { null: "ignore" }],
    },
  },
  { files: ["*.config.ts"], rules: { "no-restricted-syntax": "off" } },
  walls("design", ["**/app/*", "**/features/**", "**/session/*", "**/live/*", "**/api/*"], "design stands alone"),
  walls("live", ["**/app/*", "**/features/**", "**/session/*", "**/design/*", "**/api/client", "**/api/queries", "react"], "live is plain TypeScript"),
  walls("api", ["**/app/*", "**/features/**", "**/session/*", "**/design/*", "**/live/*"], "api stands alone"),
  walls("session", ["**/app/*", "**/features/**"], "session is below the features"),
  ...FEATURES.map((feature) =>
    walls(
      `features/${feature}`,
      ["**/app/*", ...FEATURES.filter((other) => other !== feature).map((other) => `**/${other}/*`)],
      "features do not import each other, nor the app",
    ),
  ),
);
