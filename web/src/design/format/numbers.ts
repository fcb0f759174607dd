/** Numbers as the page writes them: decimals from the table, true minus, thin spaces. */
export const DASHES = "– –";
const THIN = "\u2009";

export function formatValue(value: number | null, decimals: number): string {
  if (value === null || !Number.isFinite(value)) return DASHES;
  const text = Math.abs(value).toFixed(decimals);
  const [whole = "", fraction] = text.split(".");
  const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, THIN) : whole;
  const sign = value < 0 && Number(text) !== 0 ? "−" : "";
  return sign + (fraction === undefined ? grouped : `${grouped}.${fraction}`);
}

/** A number with its unit behind a no-break space. */
export function formatQuantity(value: number | null, decimals: number, unit: string): string {
  return `${formatValue(value, decimals)}\u00a0${unit}`;
}
