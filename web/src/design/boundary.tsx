import { Component, type ReactNode } from "react";

import { Button } from "./button";
import { PanelNotice } from "./notice";
import { texts } from "./texts";

interface Properties {
  readonly text: string;
  readonly children: ReactNode;
}

/** Keeps a failure where it happened: the rest of the page goes on. */
export class Boundary extends Component<Properties, { readonly failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { readonly failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    const again = (
      <Button
        onClick={() => {
          this.setState({ failed: false });
        }}
      >
        {texts.error.reload}
      </Button>
    );
    return <PanelNotice failed text={this.props.text} action={again} />;
  }
}
