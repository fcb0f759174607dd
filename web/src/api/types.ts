/** Names for what the server answers; the shapes are those of its OpenAPI document. */
import type { components, paths } from "./schema";

type Answer<P extends keyof paths, M extends keyof paths[P] = "get" & keyof paths[P]> = paths[P][M] extends {
  responses: { 200: { content: { "application/json": infer T } } };
}
  ? T
  : never;

export type Me = Answer<"/v1/me">;
export type Ward = Answer<"/v1/wards/{ward}">;
export type Bed = Ward["beds"][number];
export type WardPatient = NonNullable<Bed["patient"]>;
export type Patient = Answer<"/v1/patients/{patient}">;
export type PatientPage = Answer<"/v1/patients">;
export type Limit = Patient["limits"][number];
export type Vitals = Answer<"/v1/patients/{patient}/vitals">;
export type Waveform = Answer<"/v1/patients/{patient}/waveforms">;
export type Beat = Answer<"/v1/patients/{patient}/beats">["items"][number];
export type Blows = Answer<"/v1/patients/{patient}/spirometry">;
export type LungReference = Blows["reference"];
export type NewLungReference = components["schemas"]["NewLungReference"];
export type LungGroup = NewLungReference["group"];
export type Sex = NonNullable<NewLungReference["sex"]>;
export type RoomTime = components["schemas"]["RoomTime"];
export type EventPage = Answer<"/v1/patients/{patient}/events">;
export type PatientEvent = EventPage["items"][number];
export type Alarm = Answer<"/v1/alarms">["items"][number];
export type MeasureRow = Answer<"/v1/measures">["items"][number];
/** The vital signs that can be asked for. */
export type MeasureKey = paths["/v1/patients/{patient}/vitals"]["get"]["parameters"]["query"]["measure"];
/** The sample streams that can be asked for. */
export type StreamKey = paths["/v1/patients/{patient}/waveforms"]["get"]["parameters"]["query"]["stream"];
export type Token = Answer<"/v1/token", "post">;
