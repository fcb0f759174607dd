import { describe, expect, it } from "vitest";

import { formOf, KEY_PATTERN, placeIn } from "./map-file";

describe("formOf", () => {
  it("goes by the end of the name", () => {
    expect(["a.json", "A.JSON", "a.csv", "a.txt", "json"].map(formOf)).toEqual(["application/json", "application/json", "text/csv", "text/csv", "text/csv"]);
  });
});

describe("placeIn", () => {
  it.each([
    ["north-1.csv", "north", "1"],
    ["North_Floor_2.CSV", "north", "2"],
    ["east-wing-g.csv", "east-wing", "g"],
    ["floor-1.csv", "", "1"],
    ["map.csv", "", ""],
    ["a plan of everything (new).csv", "", ""],
  ])("offers what %s says", (name, site, floor) => {
    expect(placeIn(name)).toEqual({ site, floor });
  });

  it("offers only what the server takes", () => {
    for (const name of ["north-1.csv", "North_Floor_2.CSV", "x".repeat(60) + "-1.csv"]) {
      for (const key of Object.values(placeIn(name))) expect(key).toMatch(new RegExp(`^(${KEY_PATTERN})?$`));
    }
  });
});
