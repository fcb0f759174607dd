/** Texts of forced breaths; the rules of `texts.ts` hold. */

const FAULTS = {
  slow_start: "slow start",
  cough: "cough in the first second",
  early_end: "ended early",
} as const;

export const breathTexts = {
  title: "Spirometry",
  session: (when: string, breaths: number, device: string | null) =>
    [when, breaths === 1 ? "1 breath" : `${String(breaths)} breaths`, device].filter((part) => part !== null).join(" · "),
  ago: (age: string) => `${age} ago`,
  failed: "Forced breaths could not be loaded. Try again in a minute.",
  results: "Results of the session",
  names: { fev1: "FEV1", fvc: "FVC", fev1_fvc: "FEV1/FVC", pef: "PEF" },
  ofPredicted: (percent: string, z: string) => `${percent} of predicted, z\u00a0${z}`,
  zOnly: (z: string, limit: string) => `z\u00a0${z}, lower limit\u00a0${limit}`,
  noExpectation: "No expected value",
  flows: { fef25_75: "FEF25–75", fef25: "FEF25", fef50: "FEF50", fef75: "FEF75" },
  grade: (grade: string) => `Grade ${grade}`,
  noGrade: "No grade",
  noBest: "None acceptable",
  agreement: (acceptable: number, apartMl: number | null) =>
    apartMl === null ? `${String(acceptable)} acceptable` : `${String(acceptable)} acceptable, best two ${String(apartMl)}\u00a0mL apart`,
  apart: (apartMl: number) => `Best two ${String(apartMl)}\u00a0mL apart`,
  unjudged: "The device tells numbers only, so no breath is judged",
  zones: { green: "Green", yellow: "Yellow", red: "Red" },
  zone: "zone",
  noZone: (days: number, needed: number) => `Zone after ${String(needed)} days of breaths: ${String(days)} so far`,
  ofBest: (percent: string, best: string, day: string | null) => `${percent} of personal best, ${best} ${day === null ? "as set" : `on ${day.replaceAll(" ", "\u00a0")}`}`,
  breaths: "Breaths of the session",
  columns: { time: "Time", verdict: "Judged" },
  acceptable: "Acceptable",
  only: (measure: string, faults: string) => `${measure} only: ${faults}`,
  unacceptable: (faults: string) => `Not acceptable: ${faults}`,
  untold: "Not judged",
  faults: FAULTS,
  atTimeZero: (volume: string) => `${volume} out at time zero`,
  inLastSecond: (volume: string) => `${volume} in the last second`,
  sessions: (n: number) => `${String(n)} earlier ${n === 1 ? "session" : "sessions"} in a year`,
} as const;
