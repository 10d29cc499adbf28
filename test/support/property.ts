/** Property tests. Each run has new random cases; a failure shows its seed. */

import fc from "fast-check";

// In CI the seed is fixed: a change must not fail for a fault that another seed would have found before.
if (process.env["CI"] !== undefined) fc.configureGlobal({ seed: 768189 });

export { fc };
