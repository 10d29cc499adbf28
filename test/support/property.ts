/** Property tests. Each run has its own random cases, which failures name with their seed. */

import fc from "fast-check";

// In CI always the same ones: a change must not fail for what another seed would have found before it.
if (process.env["CI"] !== undefined) fc.configureGlobal({ seed: 768189 });

export { fc };
