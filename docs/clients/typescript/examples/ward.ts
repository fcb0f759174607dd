/**
 * A ward in the terminal: `node examples/ward.ts http://localhost:8080 USER PASSWORD WARD`.
 * The newest value of each measure, alarms and events as they come; it survives any loss.
 */
import { LiveClient, Session } from "../src/index.ts";

declare const process: { argv: string[]; exitCode?: number }; // Node's, without its types

const [origin = "", username = "", password = "", ward = ""] = process.argv.slice(2);
const session = await Session.logIn(origin, username, password);
const live = new LiveClient(session, {
  link: (link) => {
    console.log("link", JSON.stringify(link));
    if (link.state === "ended") process.exitCode = 1;
  },
});
live.subscribe(
  { ward, what: ["vitals", "alarms", "events"] },
  {
    patients: (patients) => { console.log("patients", patients.join(" ")); },
    vitals: (items) => {
      for (const { patient, measure, value, validity } of items) {
        console.log(patient, measure, validity === "valid" ? value : `(${validity})`);
      }
    },
    alarm: (alarm) => { console.log("ALARM", alarm.patient, alarm.condition, alarm.state); },
    event: (event) => { console.log("event", event.patient, event.kind, event.t); },
    refused: (error) => { console.log("refused", error.detail); },
  },
);
