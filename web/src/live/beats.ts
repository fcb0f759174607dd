/** The newest beats of each patient, as the socket brings them: late, corrected, taken back. */
import type { LiveBeat } from "./messages";

/** As long as samples are kept, so that every sweep has its beats. */
const KEPT_MS = 75_000;
const MOST = 2_000;

/** Beats of one patient in order of time. `version` grows with every change. */
export class Beats {
  readonly items: LiveBeat[] = [];
  version = 0;

  put(beat: LiveBeat): void {
    const { items } = this;
    let place = items.length;
    for (; place > 0; place--) {
      const known = items[place - 1];
      if (known === undefined || known.atMs < beat.atMs) break;
      if (isSame(known, beat)) {
        if (!isNews(beat, known)) return;
        items.splice(place - 1, 1);
        place -= 1;
        break;
      }
    }
    items.splice(place, 0, beat); // one that was taken back stays, so that an older word does not bring it back
    this.version += 1;
  }

  /** Forget what no sweep shows any more. */
  prune(): void {
    const { items } = this;
    const oldestMs = (items.at(-1)?.atMs ?? 0) - KEPT_MS;
    const from = items.findIndex(({ atMs }) => atMs >= oldestMs);
    const surplus = Math.max(from, items.length - MOST);
    if (surplus > 0) items.splice(0, surplus);
  }
}

export class BeatStore {
  readonly #patients = new Map<string, Beats>();

  receive(beats: readonly LiveBeat[]): void {
    const touched = new Set<Beats>();
    for (const beat of beats) {
      const of = this.of(beat.patient);
      of.put(beat);
      touched.add(of);
    }
    for (const of of touched) of.prune();
  }

  of(patient: string): Beats {
    let beats = this.#patients.get(patient);
    if (beats === undefined) this.#patients.set(patient, (beats = new Beats()));
    return beats;
  }
}

function isSame(one: LiveBeat, other: LiveBeat): boolean {
  return one.atMs === other.atMs && one.kind === other.kind && one.device === other.device;
}

/** A higher revision, or of one revision the class once it is judged. */
function isNews(beat: LiveBeat, known: LiveBeat): boolean {
  if (beat.revision !== known.revision) return beat.revision > known.revision;
  return known.class === "unclassified" && beat.class !== "unclassified";
}
