import { Moon, MoonStar, Sun, SunMoon } from "lucide-react";

import type { ThemeChoice } from "../design/theme";

const ICONS = { auto: SunMoon, dark: Moon, light: Sun, night: MoonStar } as const;

export function ThemeIcon({ theme, size }: { readonly theme: ThemeChoice; readonly size: number }) {
  const Icon = ICONS[theme];
  return <Icon size={size} strokeWidth={1.8} aria-hidden="true" />;
}
