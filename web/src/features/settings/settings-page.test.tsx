// @vitest-environment jsdom
import { fireEvent, render, screen, within } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { Observable } from "../../live/observable";
import { type Session, SessionContext } from "../../session/session";
import { SettingsPage } from "./settings-page";

function show(state: "on" | "blocked" = "on"): { readonly play: ReturnType<typeof vi.fn> } {
  const play = vi.fn();
  // of the session, this page takes the sound and whether alarms call
  const session = {
    live: {
      alarmVersion: new Observable(0),
      tick: new Observable(0),
      clock: { now: () => 0 },
      alarms: { known: true, calling: () => [] },
    },
    sound: { state: new Observable(state), play, turnOn: vi.fn() },
  };
  render(
    <SessionContext value={session as unknown as Session}>
      <SettingsPage />
    </SessionContext>,
  );
  return { play };
}

describe("settings", () => {
  beforeEach(() => {
    localStorage.clear();
    document.body.replaceChildren();
  });

  it("change the theme, the motion and the keys of this screen", () => {
    show();
    const theme = within(screen.getByRole("group", { name: "Theme" }));
    fireEvent.click(theme.getByRole("button", { name: "Light" }));
    expect(document.documentElement.dataset["theme"]).toBe("light");
    fireEvent.click(screen.getByRole("switch", { name: "Less motion" }));
    expect(document.documentElement.dataset["motion"]).toBe("less");
    fireEvent.click(screen.getByRole("switch", { name: "Single-letter keys" }));
    expect(localStorage.getItem("vitalwire.keys")).toBe("off");
  });

  it("measure a millimetre with a card and forget it", () => {
    show();
    fireEvent.change(screen.getByRole("slider"), { target: { value: "428" } });
    expect(document.documentElement.style.getPropertyValue("--px-per-mm")).toBe("5.0000");
    fireEvent.click(screen.getByRole("button", { name: "Forget" }));
    expect(document.documentElement.style.getPropertyValue("--px-per-mm")).toBe("3.7795");
  });

  it("let hear how alarms sound, where sound is on", () => {
    const { play } = show();
    fireEvent.click(screen.getByRole("button", { name: "High" }));
    expect(play).toHaveBeenCalledWith("high");
  });

  it("play nothing where the browser blocks it", () => {
    show("blocked");
    expect(screen.getByRole<HTMLButtonElement>("button", { name: "High" }).disabled).toBe(true);
  });
});
