/** Texts of the settings; the rules of `texts.ts` hold. */

export const settingTexts = {
  title: "Settings",
  note: "Of this screen. They stay on it, whoever signs in.",
  screen: {
    title: "This screen",
    theme: "Theme",
    themeAbout: "Automatic is dark, and lowers the light from 22:00 to 06:00. Alarm colours stay full.",
    themes: { auto: "Automatic", dark: "Dark", light: "Light", night: "Night" },
    motion: "Less motion",
    motionAbout: "Alarms stop flashing and get a thicker frame.",
    keys: "Single-letter keys",
    keysAbout: "Off for those who speak to their screen. Arrows, Enter and Esc always work.",
  },
  millimetre: {
    title: "Size of a millimetre",
    measured: (px: string) => `${px} px/mm`,
    assumed: (px: string) => `≈ ${px} px/mm, not measured`,
    about: "Hold a bank card (85.6 mm wide) to the screen and move the slider until both are equally wide. Sweep speed and ECG gain are then true on this screen.",
    card: "85.6 mm",
    width: "Width of the card on the screen",
    forget: "Forget",
  },
  sound: {
    title: "Alarm sound",
    state: "Sound of this screen",
    on: "On: the last self-test heard itself.",
    blocked: "Blocked by the browser until somebody turns it on. Alarms are only visible.",
    again: "Test again",
    test: "How alarms sound",
    testAbout: "Plays one burst of each priority.",
    testCalls: "Not while an alarm calls.",
  },
} as const;
