import { Bell, Cpu, LayoutGrid, List, type LucideIcon, SlidersHorizontal } from "lucide-react";
import { Link, useLocation } from "wouter";

import { Logo } from "../design/logo";
import { texts } from "../design/texts";
import { useSession, useWatched } from "../session/session";
import styles from "./shell.module.css";

interface Entry {
  readonly href: string;
  readonly text: string;
  readonly icon: LucideIcon;
  /** What a role must be allowed to do, to find anything there. */
  readonly needs: string | null;
}

const ENTRIES: readonly Entry[] = [
  { href: "/ward", text: texts.nav.ward, icon: LayoutGrid, needs: "read_clinical" },
  { href: "/alarms", text: texts.nav.alarms, icon: Bell, needs: "read_clinical" },
  { href: "/devices", text: texts.nav.devices, icon: Cpu, needs: "read_devices" },
  { href: "/log", text: texts.nav.log, icon: List, needs: null },
  { href: "/settings", text: texts.nav.settings, icon: SlidersHorizontal, needs: null },
];

/** The ways to the pages, at the side of a screen. */
export function Rail() {
  return (
    <nav className={styles["rail"]} aria-label={texts.nav.main}>
      <Link className={styles["logo"]} href="/" aria-label={texts.nav.wardHome}>
        <Logo size={34} />
      </Link>
      <Entries iconSize={22} />
    </nav>
  );
}

/** The same at the lower edge of a phone, where a thumb reaches. */
export function TabBar() {
  return (
    <nav className={styles["tabs"]} aria-label={texts.nav.main}>
      <Entries iconSize={24} />
    </nav>
  );
}

function Entries({ iconSize }: { readonly iconSize: number }) {
  const { me } = useSession();
  const [location] = useLocation();
  return ENTRIES.filter(({ needs }) => needs === null || me.permissions.includes(needs)).map(({ href, text, icon: Icon }) => {
    const here = location === href || (href === "/ward" && location.startsWith("/patient/")) || (href === "/devices" && location === "/maps");
    return (
      <Link key={href} className={styles["item"]} href={href} data-on={here} aria-current={location === href ? "page" : undefined}>
        <Icon size={iconSize} strokeWidth={1.8} aria-hidden="true" />
        <span>{text}</span>
        {href === "/alarms" && <AlarmBadge />}
      </Link>
    );
  });
}

/** Alarms that call, over the way to them. */
function AlarmBadge() {
  const { live } = useSession();
  useWatched(live.alarmVersion);
  useWatched(live.tick);
  if (!live.alarms.known) return null;
  const calling = live.alarms.calling(live.clock.now());
  const worst = calling[0];
  if (worst === undefined) return null;
  return (
    <b className={styles["badge"]} data-priority={worst.priority} aria-label={texts.nav.calling(calling.length)} role="img">
      {calling.length}
    </b>
  );
}
