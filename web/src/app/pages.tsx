import { Redirect, Route, Switch } from "wouter";

import { texts } from "../design/texts";
import { AlarmsPage } from "../features/alarms/alarms-page";
import { PatientPage } from "../features/patient/patient-page";
import { WardPage } from "../features/ward/ward-page";
import { Boundary } from "./boundary";
import { Shell } from "./shell";

/** Every page of the house by its address. */
export function Pages() {
  return (
    <Switch>
      <Route path="/ward">
        <Shell>
          <Boundary text={texts.error.panel}>
            <WardPage />
          </Boundary>
        </Shell>
      </Route>
      <Route path="/alarms">
        <Shell>
          <Boundary text={texts.error.panel}>
            <AlarmsPage />
          </Boundary>
        </Shell>
      </Route>
      <Route path="/patient/:patient">
        {({ patient }) => (
          <Shell patient={patient}>
            <Boundary text={texts.error.panel}>
              <PatientPage key={patient} patient={patient} />
            </Boundary>
          </Shell>
        )}
      </Route>
      <Route>
        <Redirect to="/ward" replace />
      </Route>
    </Switch>
  );
}
