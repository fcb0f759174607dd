import { lazy, type ReactNode, Suspense } from "react";
import { Redirect, Route, Switch } from "wouter";

import { texts } from "../design/texts";
import { AlarmsPage } from "../features/alarms/alarms-page";
import { PatientPage } from "../features/patient/patient-page";
import { SettingsPage } from "../features/settings/settings-page";
import { WardPage } from "../features/ward/ward-page";
import { useSession } from "../session/session";
import { Boundary } from "../design/boundary";
import { Loading } from "../design/loading";
import { Shell } from "./shell";

// not needed for what alarms and lives: they come when somebody goes there
const DevicesPage = lazy(async () => ({ default: (await import("../features/devices/devices-page")).DevicesPage }));
const MapsPage = lazy(async () => ({ default: (await import("../features/maps/maps-page")).MapsPage }));
const LogPage = lazy(async () => ({ default: (await import("../features/log/log-page")).LogPage }));

/** Every page of the house by its address. */
export function Pages() {
  const { me } = useSession();
  // who reads no vital signs has come for the devices
  const home = me.permissions.includes("read_clinical") ? "/ward" : "/devices";
  return (
    <Switch>
      <Route path="/ward">
        <Framed page={<WardPage />} />
      </Route>
      <Route path="/alarms">
        <Framed page={<AlarmsPage />} />
      </Route>
      <Route path="/devices">
        <Framed page={<DevicesPage />} />
      </Route>
      <Route path="/maps">
        <Framed page={<MapsPage />} />
      </Route>
      <Route path="/log">
        <Framed page={<LogPage />} />
      </Route>
      <Route path="/settings">
        <Framed page={<SettingsPage />} />
      </Route>
      <Route path="/patient/:patient">
        {({ patient }) => <Framed page={<PatientPage key={patient} patient={patient} />} patient={patient} />}
      </Route>
      <Route>
        <Redirect to={home} replace />
      </Route>
    </Switch>
  );
}

function Framed({ page, patient }: { readonly page: ReactNode; readonly patient?: string }) {
  return (
    <Shell {...(patient === undefined ? {} : { patient })}>
      <Boundary text={texts.error.panel}>
        <Suspense fallback={<Loading />}>{page}</Suspense>
      </Boundary>
    </Shell>
  );
}
