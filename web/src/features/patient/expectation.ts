/** What is expected of a forced breath of somebody of that age, height and sex, in words. */
import type { Blows } from "../../api/types";
import { formatQuantity, formatValue } from "../../design/format/numbers";
import { texts } from "../../design/texts";

/** Of the newest breath that has this number: `82 % of predicted, z −1.4`; nothing where nobody can say. */
export function expectationOf(blows: Blows | undefined, measure: string): string {
  for (const { values } of blows?.items ?? []) {
    const found = values.find((value) => value.measure === measure);
    if (found === undefined) continue;
    const { percent_predicted: percent, z_score: z } = found;
    if (percent === null || z === null) return "";
    return texts.patient.ofPredicted(formatQuantity(percent, 0, "%"), formatValue(z, 1));
  }
  return "";
}

const BLOWN: ReadonlySet<string> = new Set(["fev1", "fvc", "fef25_75", "fef75"]);

/** Whether there is an expectation of any of these measures. */
export function areBlown(measures: readonly string[]): boolean {
  return measures.some((measure) => BLOWN.has(measure));
}
