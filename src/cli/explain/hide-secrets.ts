/** Removes secrets from an explanation: a terminal keeps a history, and people paste explanations into tickets. */

import { hideFieldValue, hideQuery } from "../../http/secrets.ts";
import type { Explained } from "./explanation.ts";

/** Returns an explanation that may be printed. */
export function hideSecrets({ request, forwarded, ...rest }: Explained): Explained {
  return {
    ...rest,
    request: { ...request, target: hideQuery(request.target), rawFields: [] },
    forwarded: forwarded && {
      ...forwarded,
      target: hideQuery(forwarded.target),
      fields: forwarded.fields.map(hideValue),
      dropped: forwarded.dropped.map(hideValue),
    },
  };
}

function hideValue<Field extends { readonly name: string; readonly value: string }>(
  field: Field,
): Field {
  return { ...field, value: hideFieldValue(field.name, field.value) };
}
