/** Texts of what a patient is; the rules of `texts.ts` hold. */

export const bodyTexts = {
  open: "Sex, birth date and height",
  title: (who: string) => `About ${who}`,
  about: "Expected lung function rests on this (GLI-2012), and alarm limits go by age where none are set for the patient.",
  fields: { sex: "Sex", birthDate: "Birth date", height: "Height in cm", heightOn: "Measured on", group: "Group of the equations", best: "Personal best peak flow in L/min" },
  hints: {
    sex: "The equations know female and male.",
    birthDate: "Equations hold from 3 to 95 years.",
    height: "50 to 250, without shoes.",
    heightOn: "Under 20 it holds for 92 days.",
    group: "Other where none fits.",
    best: "Empty: the best of the last 30 days.",
  },
  problems: {
    missing: "Needed for expected values.",
    height: "A number from 50 to 250, in centimetres.",
    future: "Not later than today.",
    before_birth: "Not before the birth.",
    too_old: "At most 130 years ago.",
    best: "A number from 50 to 1200, in litres a minute, or nothing.",
  },
  sexes: { female: "Female", male: "Male", other: "Other", unknown: "Not known" },
  groups: {
    caucasian: "Caucasian",
    african_american: "African American",
    north_east_asian: "North East Asian",
    south_east_asian: "South East Asian",
    other: "Other or mixed",
  },
  save: "Save",
  saving: "Waiting for the server",
  failed: (detail: string) => (detail === "" ? "Not saved. Try again." : `Not saved. ${detail}`),
  loadFailed: "What is known could not be loaded. Try again.",
  missing: (what: readonly string[]) => `No expected values for forced breaths: ${what.join(", ")} missing.`,
  parts: { sex: "sex", birth_date: "birth date", height: "height" },
} as const;
