import { useMutation } from "@tanstack/react-query";

import { makeClaimCode } from "../../api/device-queries";
import { Button } from "../../design/button";
import { Card, CardHead } from "../../design/card";
import { formatDuration } from "../../design/format/times";
import { deviceTexts } from "../../design/texts-devices";
import { useSession } from "../../session/session";
import styles from "./devices-page.module.css";

const words = deviceTexts.claimCode;

/** A code for whoever has the device in hand; shown here, kept nowhere. */
export function ClaimCodeCard({ device, nowMs }: { readonly device: string; readonly nowMs: number }) {
  const { api } = useSession();
  const make = useMutation({ mutationFn: () => makeClaimCode(api, device) });
  const leftS = make.data === undefined ? 0 : (Date.parse(make.data.expires) - nowMs) / 1000;
  const holds = make.data !== undefined && leftS > 0;
  return (
    <Card label={words.title}>
      <CardHead title={words.title} aside={holds ? <span>{words.valid(formatDuration(leftS))}</span> : undefined} />
      <div className={styles["claim"]}>
        <div className={styles["secret"]}>
          {holds ? (
            <output className={styles["code"]} data-testid="claim-code" aria-label={words.spoken(make.data.code.split("").join(" "))}>
              {make.data.code}
            </output>
          ) : (
            <span>{make.data === undefined ? "" : words.over}</span>
          )}
          <Button size="small" disabled={make.isPending} onClick={() => { make.mutate(); }}>
            {make.data === undefined ? words.makeFirst : words.make}
          </Button>
        </div>
        {make.isError && (
          <p role="alert" className={styles["problem"]}>
            {words.failed}
          </p>
        )}
        <p>{words.about}</p>
      </div>
    </Card>
  );
}
