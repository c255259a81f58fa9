// The official TypeScript SDK's environment worker, as it comes. Arguments: work directory, seconds after which an idle session is let go.
import Anthropic from "@anthropic-ai/sdk";
import { EnvironmentWorker } from "@anthropic-ai/sdk/helpers/beta/environments";

const environmentKey = process.env.ANTHROPIC_ENVIRONMENT_KEY;
const stopping = new AbortController();
process.on("SIGTERM", () => stopping.abort());
const worker = new EnvironmentWorker({
  client: new Anthropic({ authToken: environmentKey }),
  environmentId: process.env.ANTHROPIC_ENVIRONMENT_ID,
  environmentKey,
  workdir: process.argv[2],
  maxIdleMs: Number(process.argv[3]) * 1000,
  signal: stopping.signal,
});
await worker.run();
