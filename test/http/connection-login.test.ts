import assert from "node:assert/strict";
import test from "node:test";

import { carriesConnectionLogin, offersConnectionLogin } from "../../src/http/connection-login.ts";

test("each field that offers or carries a connection-bound login is known, in any letter case", () => {
  for (const scheme of ["NTLM", "Negotiate", "negotiate oYG=", "Basic realm=x, NTLM"]) {
    assert.ok(offersConnectionLogin(401, ["X", "y", "WWW-Authenticate", scheme]));
    assert.ok(offersConnectionLogin(407, ["proxy-authenticate", scheme]));
  }
  for (const scheme of ["NTLM", "NTLM abc", "negotiate oYG="]) {
    assert.ok(carriesConnectionLogin(["X", "y", "Authorization", scheme]));
    assert.ok(carriesConnectionLogin(["PROXY-AUTHORIZATION", scheme]));
  }
});

test("other logins, statuses and fields are not connection-bound", () => {
  assert.ok(!offersConnectionLogin(401, ["WWW-Authenticate", 'Basic realm="NTLMish"']));
  assert.ok(!offersConnectionLogin(200, ["WWW-Authenticate", "NTLM"]));
  assert.ok(!carriesConnectionLogin(["Authorization", "Bearer NTLM"]));
  assert.ok(!carriesConnectionLogin(["X-Authorization", "NTLM"]));
});
