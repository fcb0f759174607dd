import { useQuery } from "@tanstack/react-query";
import { ChevronDown, ChevronLeft, ChevronRight } from "lucide-react";
import { useEffect } from "react";
import { Link } from "wouter";

import { patientQuery, wardQuery } from "../api/queries";
import { IconButton } from "../design/button";
import { Chip } from "../design/chip";
import { formatDay, formatTimeOfDay, formatZone } from "../design/format/times";
import { Logo } from "../design/logo";
import { texts } from "../design/texts";
import { chooseTheme, nextTheme, useTheme } from "../design/theme";
import { useServerNow, useSession, useWatched } from "../session/session";
import { AccountMenu } from "./account-menu";
import { LinkChip, SoundChip } from "./link-chips";
import styles from "./shell.module.css";
import { ThemeIcon } from "./theme-icon";

interface Properties {
  readonly patient: string | null;
  readonly onShowKeys: () => void;
}

export function TopBar({ patient, onShowKeys }: Properties) {
  return (
    <header className={styles["top"]}>
      {patient === null ? (
        <>
          <Link className={styles["topLogo"]} href="/" aria-label={texts.product}>
            <Logo size={30} />
          </Link>
          <WardTitle />
        </>
      ) : (
        <PatientTitle patient={patient} />
      )}
      <div className={styles["space"]} />
      <SimulatedChip />
      <SoundChip />
      <LinkChip />
      <Clock />
      <ThemeButton />
      <AccountMenu onShowKeys={onShowKeys} />
    </header>
  );
}

function WardTitle() {
  const { me, ward, chooseWard } = useSession();
  const current = me.wards.find(({ key }) => key === ward);
  useEffect(() => {
    document.title = current === undefined ? texts.product : `${current.name} · ${texts.product}`;
  }, [current]);
  return (
    <div className={styles["ward"]}>
      {/* who has no ward, a technician, is told no name of one */}
      <h1>{current?.name ?? texts.product}</h1>
      {me.wards.length > 1 && (
        <>
          <ChevronDown size={16} aria-hidden="true" />
          <select
            aria-label={texts.nav.chooseWard}
            value={ward ?? ""}
            onChange={(event) => {
              chooseWard(event.target.value);
            }}
          >
            {me.wards.map(({ key, name }) => (
              <option key={key} value={key}>
                {name}
              </option>
            ))}
          </select>
        </>
      )}
    </div>
  );
}

function PatientTitle({ patient }: { readonly patient: string }) {
  const { api, me, ward } = useSession();
  const { data } = useQuery(patientQuery(api, patient));
  const wardName = data?.ward?.name ?? me.wards.find(({ key }) => key === ward)?.name ?? texts.nav.ward;
  const place = data?.bed?.label ?? data?.initials ?? "";
  useEffect(() => {
    document.title = `${place} · ${texts.product}`;
  }, [place]);
  return (
    <div className={styles["crumb"]}>
      <Link className={styles["long"]} href="/ward">
        {wardName}
      </Link>
      <ChevronRight className={styles["long"]} size={16} aria-hidden="true" />
      <Link className={styles["short"]} href="/ward" aria-label={texts.nav.backToWard}>
        <ChevronLeft size={20} aria-hidden="true" />
      </Link>
      <h1>{place}</h1>
    </div>
  );
}

/** Said when the server says so, of the ward or of the live data. */
function SimulatedChip() {
  const { api, live, ward } = useSession();
  const liveSimulated = useWatched(live.simulated);
  const { data } = useQuery({ ...wardQuery(api, ward ?? ""), enabled: ward !== null });
  if (!liveSimulated && data?.simulated !== true) return null;
  return (
    <Chip look="dashed" title={texts.simulated.why} data-testid="simulated">
      <span className={styles["long"]}>{texts.simulated.long}</span>
      <span className={styles["short"]}>{texts.simulated.short}</span>
    </Chip>
  );
}

function Clock() {
  const now = useServerNow();
  if (Number.isNaN(now)) return null;
  return (
    <time className={styles["clock"]} data-testid="clock">
      <b>{formatTimeOfDay(now)}</b>
      <span>
        {formatDay(now)} · {formatZone(now)}
      </span>
    </time>
  );
}

function ThemeButton() {
  const theme = useTheme();
  const next = nextTheme(theme);
  const label = texts.theme.change(texts.theme.names[theme], texts.theme.names[next]);
  return (
    <IconButton
      label={label}
      onClick={() => {
        chooseTheme(next);
      }}
    >
      <ThemeIcon theme={theme} size={20} />
    </IconButton>
  );
}
