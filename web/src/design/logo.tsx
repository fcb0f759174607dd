export function Logo({ size }: { readonly size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 34 34" aria-hidden="true">
      <rect width="34" height="34" rx="9" fill="var(--surface-3)" />
      <path d="M5 19h6l2.6-9 4.8 15 3.4-11 1.7 5H29" fill="none" stroke="var(--p-ecg)" strokeWidth="2.2" strokeLinejoin="round" strokeLinecap="round" />
    </svg>
  );
}
