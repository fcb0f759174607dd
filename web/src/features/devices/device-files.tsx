import { useQuery } from "@tanstack/react-query";
import { Check, Clock3, X } from "lucide-react";

import { type DeviceFile, filesQuery } from "../../api/device-queries";
import { Card, CardHead } from "../../design/card";
import { formatValue } from "../../design/format/numbers";
import { formatDayTime } from "../../design/format/times";
import { eventTexts } from "../../design/texts-events";
import { deviceTexts } from "../../design/texts-devices";
import { useSession } from "../../session/session";
import styles from "./devices-page.module.css";

const words = deviceTexts.files;
const ICONS = { receiving: Clock3, complete: Clock3, reading: Clock3, stored: Check, refused: X } as const;
const LOOKS = { receiving: "wait", complete: "wait", reading: "wait", stored: "done", refused: "failed" } as const;

/** Files of a device and what became of them; nothing where it has none. */
export function DeviceFiles({ device }: { readonly device: string }) {
  const { api } = useSession();
  const files = useQuery(filesQuery(api, device));
  if (files.data === undefined ? !files.isError : files.data.length === 0) return null;
  return (
    <Card label={words.title}>
      <CardHead title={words.title} />
      {files.data === undefined && <p className={styles["quiet"]}>{words.failed}</p>}
      <ol className={`${styles["commands"] ?? ""} ${styles["files"] ?? ""}`}>
        {files.data?.map((file) => (
          <FileRow key={file.id} file={file} />
        ))}
      </ol>
    </Card>
  );
}

function FileRow({ file }: { readonly file: DeviceFile }) {
  const Icon = ICONS[file.state];
  const part = partOf(file);
  return (
    <li data-testid={`file-${file.name}`} data-look={LOOKS[file.state]} data-state={file.state}>
      <span>
        <b>
          {file.name} <small>{file.format.replaceAll("_", " ")}</small>
        </b>
        <span>
          <Icon size={14} aria-hidden="true" />
          {stateText(file, part)}
        </span>
        {file.state === "reading" && <progress max={100} value={part} aria-label={file.name} />}
        <small>
          {[formatDayTime(Date.parse(file.at)), words.size(formatValue(file.bytes / 1000, 1)), file.sent_by === null ? words.fromDevice : words.by(file.sent_by)].join(" · ")}
        </small>
      </span>
    </li>
  );
}

function partOf({ pieces, stored_pieces: stored }: DeviceFile): number {
  return pieces === 0 ? 0 : Math.floor((100 * stored) / pieces);
}

function stateText(file: DeviceFile, part: number): string {
  const { states } = words;
  const { line, offset } = eventTexts.details;
  switch (file.state) {
    case "receiving":
    case "complete":
      return states[file.state];
    case "reading":
      return states.reading(formatValue(part, 0));
    case "stored":
      return states.stored(formatValue(file.frames, 0));
    case "refused": {
      const place = file.line !== null ? line(file.line) : file.offset !== null ? offset(file.offset) : null;
      const reason = file.reason === null ? null : (eventTexts.reasons[file.reason] ?? file.reason.replaceAll("_", " "));
      return states.refused([reason, place, file.detail].filter((one) => one !== null && one !== "").join(", "));
    }
    default:
      return file.state satisfies never;
  }
}
