/** The assistant's settings. */
import { type Config, StartError } from "../shared/host/config.ts";
import type { ModelEndpoint } from "./chat/model.ts";

const OPENAI = "https://api.openai.com/v1";

/** The language model's endpoint, or undefined when none is set. @throws StartError without a model's name */
export function endpointOf(config: Config): ModelEndpoint | undefined {
  const { OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_MODEL } = config;
  if (OPENAI_BASE_URL === undefined && OPENAI_API_KEY === undefined) return undefined;
  if (OPENAI_MODEL === undefined) {
    throw new StartError("OPENAI_MODEL must be set with OPENAI_BASE_URL or OPENAI_API_KEY");
  }
  return { baseUrl: OPENAI_BASE_URL ?? OPENAI, apiKey: OPENAI_API_KEY, model: OPENAI_MODEL };
}
