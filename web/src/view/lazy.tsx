/** Components that are fetched when they are first shown. */
import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failed, Skeleton } from "./states.tsx";

type State<P> = { state: "waiting" } | { state: "here"; component: ComponentType<P> } | { state: "failed" };

/** Wraps a module's component; the module is fetched once and kept. */
export function lazy<P extends object>(
  load: () => Promise<ComponentType<P>>,
  waiting: () => JSX.Element | null = () => <Skeleton rows={5} />,
): ComponentType<P> {
  let here: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [state, setState] = useState<State<P>>(
      here === null ? { state: "waiting" } : { state: "here", component: here },
    );
    const fetchIt = () => {
      let alive = true;
      setState((before) => before.state === "here" ? before : { state: "waiting" });
      load().then((component) => {
        here = component;
        if (alive) setState({ state: "here", component });
      }, () => {
        if (alive) setState({ state: "failed" });
      });
      return () => {
        alive = false;
      };
    };
    useEffect(() => state.state === "waiting" ? fetchIt() : undefined, []);
    switch (state.state) {
      case "here": {
        const Component = state.component;
        return <Component {...props} />;
      }
      case "failed":
        return (
          <Failed
            title="This part could not be loaded"
            detail="Nothing was lost. Check the connection and try again."
            retry={() => void fetchIt()}
          />
        );
      case "waiting":
        return waiting();
    }
  };
}
