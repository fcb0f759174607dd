import { describe, expect, it } from "vitest";

import type { Bed } from "../../api/types";
import type { Alarm } from "../../live/messages";
import { callingFirst, columnsOf, densityOf, filterBeds, fittingSize, hidesCaller, keepOrder, sortBeds, viewBeds } from "./beds";
import { tileLanes, tileStreams } from "./tile-lanes";

const NOW = Date.parse("2026-11-21T10:00:00Z");

function bed(key: string, patient: string | null): Bed {
  return {
    key,
    label: `Bed ${key}`,
    patient: patient === null ? null : { key: patient, initials: "AB", birth_year: null, sex: null, devices: [] },
  };
}

function alarm(patient: string, change: Partial<Alarm>): Alarm {
  return {
    id: `${patient}-${change.priority ?? "medium"}`,
    patient,
    ward: "w",
    bed: null,
    condition: "spo2_low",
    measure: "spo2",
    kind: "physiological",
    priority: "medium",
    state: "active",
    value: null,
    limit: null,
    relation: null,
    unit: null,
    since: "2026-11-21T09:59:00Z",
    updated: "2026-11-21T09:59:00Z",
    acknowledged_by: null,
    acknowledged_at: null,
    paused_until: null,
    method: null,
    derived: false,
    unsure: false,
    text_key: null,
    ...change,
  };
}

const BEDS = [bed("10", "j"), bed("2", "b"), bed("1", "a"), bed("3", null), bed("4", "d"), bed("5", "e")];
const ALARMS = [
  alarm("b", { priority: "low" }),
  alarm("d", { priority: "high", state: "acknowledged" }),
  alarm("e", { priority: "medium", kind: "technical" }),
  alarm("j", { priority: "medium" }),
];
const keys = (views: ReturnType<typeof viewBeds>): string[] => views.map((view) => view.bed.key);
const VIEWS = viewBeds(BEDS, ALARMS);

describe("order of beds", () => {
  it("puts calling alarms first, seen ones next, then the quiet, free beds last", () => {
    expect(keys(sortBeds(VIEWS, "priority", NOW))).toEqual(["10", "5", "2", "4", "1", "3"]);
  });
  it("can be that of the beds, by number and not by letter", () => {
    expect(keys(sortBeds(VIEWS, "bed", NOW))).toEqual(["1", "2", "3", "4", "5", "10"]);
  });
  it("stays as it was while tiles may not move; a new bed comes last", () => {
    expect(keys(keepOrder(VIEWS, ["1", "2", "3", "4", "5"]))).toEqual(["1", "2", "3", "4", "5", "10"]);
  });
  it("goes by the worst alarm of a patient", () => {
    const views = viewBeds([bed("1", "a"), bed("2", "b")], [alarm("a", { priority: "medium" }), alarm("b", { priority: "low" }), alarm("b", { priority: "high" })]);
    expect(keys(sortBeds(views, "priority", NOW))).toEqual(["2", "1"]);
  });
});

describe("pages", () => {
  const many = Array.from({ length: 70 }, (_, index) => bed(String(index + 1), `p${String(index + 1)}`));
  const page = (alarms: readonly Alarm[], order: "priority" | "bed"): string[] =>
    keys(callingFirst(sortBeds(viewBeds(many, alarms), order, NOW), 60, NOW)).slice(0, 60);
  it("have whoever calls on the first one, in the order of beds, too", () => {
    const calling = [alarm("p70", { priority: "low" }), alarm("p5", {}), alarm("p69", { state: "acknowledged" })];
    expect(page(calling, "bed").slice(-2)).toEqual(["59", "70"]);
    expect(page(calling, "bed")).toHaveLength(60);
    expect(page(calling, "priority").slice(0, 3)).toEqual(["5", "70", "69"]);
  });
  it("leave a ward that fits as it is, and do not grow when everybody calls", () => {
    expect(keys(callingFirst(sortBeds(VIEWS, "bed", NOW), 60, NOW))).toEqual(keys(sortBeds(VIEWS, "bed", NOW)));
    const all = many.map(({ patient }) => alarm(patient?.key ?? "", {}));
    expect(keys(callingFirst(sortBeds(viewBeds(many, all), "bed", NOW), 60, NOW))).toHaveLength(70);
  });
});

describe("whoever calls on a later page", () => {
  const calling = viewBeds(BEDS, [alarm("e", { priority: "high" })]);
  const ordered = keepOrder(calling, ["1", "2", "3", "4", "5", "10"]);
  it("is hidden while the first page has a bed that does not call", () => {
    expect(hidesCaller(ordered, 4, NOW)).toBe(true);
    expect(hidesCaller(ordered, 5, NOW)).toBe(false);
    expect(hidesCaller(viewBeds(BEDS, []), 1, NOW)).toBe(false);
  });
  it("is not hidden by others who call", () => {
    const all = BEDS.flatMap(({ patient }) => (patient === null ? [] : [alarm(patient.key, {})]));
    expect(hidesCaller(keepOrder(viewBeds(BEDS, all), ["1", "2"]), 2, NOW)).toBe(false);
  });
});

describe("filter", () => {
  it.each([
    ["high", []],
    ["medium", ["10"]],
    ["low", ["2"]],
    ["technical", ["5"]],
    ["quiet", ["4"]],
  ] as const)("%s", (filter, expected) => {
    expect(keys(filterBeds(VIEWS, filter, NOW))).toEqual(expected);
  });
});

describe("layout", () => {
  it("takes the smallest size that shows the ward", () => {
    expect([1, 8, 10, 11, 16, 20, 21, 200].map(fittingSize)).toEqual([8, 8, 8, 16, 16, 16, 60, 60]);
  });
  it("has columns for screens", () => {
    expect([columnsOf(8, 1920, 8), columnsOf(16, 1440, 16), columnsOf(60, 1920, 60), columnsOf(60, 1440, 60), columnsOf(16, 390, 16)]).toEqual([4, 4, 10, 8, 1]);
    expect([columnsOf(60, 1920, 26), columnsOf(60, 1440, 26), columnsOf(60, 1920, 90), columnsOf(60, 1920, 3)]).toEqual([7, 7, 10, 4]);
  });
  it("draws fewer lanes in smaller tiles, and only what the devices send", () => {
    const all = new Set(["ecg", "ppg", "impedance", "temperature"]);
    expect(tileStreams("l", all)).toEqual(["ecg", "ppg", "impedance"]);
    expect(tileStreams("m", all)).toEqual(["ecg", "ppg"]);
    expect(tileStreams(densityOf(60, false), all)).toEqual(["ecg"]);
    expect(tileStreams("phone", new Set(["ppg"]))).toEqual(["ppg"]);
    expect(tileStreams("l", new Set(["temperature"]))).toEqual([]);
  });
  it("fills the height of the tile with its lanes", () => {
    const lanes = tileLanes("l", new Set(["ecg", "ppg", "impedance"]), false);
    expect(lanes.reduce((sum, lane) => sum + lane.height, 0)).toBeCloseTo(1);
    expect(tileLanes("m", new Set(["ecg", "ppg"]), true)).toHaveLength(1);
  });
});
