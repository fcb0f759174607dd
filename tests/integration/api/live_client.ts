// What a frontend does with the client of docs/clients/typescript: tells each thing as a line of JSON.
import { LiveClient, Ring, Session } from "../../../docs/clients/typescript/src/index.ts";

const [origin = "", username = "", password = ""] = process.argv.slice(2);
const tell = (what: object): void => {
  console.log(JSON.stringify(what));
};
const session = await Session.logIn(origin, username, password);
const { items } = await session.get("/v1/patients");
tell({ patients: items.map((one) => one.key) });
let ring: Ring | null = null;
const live = new LiveClient(session, { link: (link) => tell({ link }) });
live.subscribe(
  { ward: "north", what: ["events", "vitals"] },
  {
    event: (event) => tell({ event: event.data["number"] }),
    vitals: (values) => tell({ value: values[0]?.value }),
    patients: (patients) => tell({ watched: patients }),
  },
);
live.subscribe(
  { patients: ["p-north1"], what: ["waveforms"], streams: ["ecg"] },
  {
    blocks: (blocks) => {
      for (const { header, startUs, channels } of blocks) {
        ring ??= new Ring(header.hz, 1);
        const lead = channels[0];
        if (lead === undefined) continue;
        ring.put(startUs, lead);
        let sum = 0;
        ring.forEach((value) => {
          if (!Number.isNaN(value)) sum += value;
        });
        tell({ samples: lead.length, unit: header.unit, sum });
      }
    },
  },
);
live.subscribe(
  { ward: "south", what: ["vitals"] },
  { refused: (error) => tell({ refused: error.code }) },
);
