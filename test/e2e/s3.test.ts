// Amazon's SDK signs each request with its method: a HEAD that is sent upstream as GET would be 403.

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import {
  PYTHON,
  findAddress,
  runClient,
  startBackend,
  startHeadgate,
  testReal,
} from "../support/real.ts";

const SERVER = join(fileURLToPath(new URL(".", import.meta.url)), "s3_server.py");

const CLIENT = `
import sys, boto3
from botocore.client import Config
from botocore.exceptions import ClientError
config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0})
keys = dict(aws_access_key_id="key", aws_secret_access_key="secret", region_name="us-east-1")
s3 = boto3.client("s3", endpoint_url=sys.argv[1], config=config, **keys)
s3.put_object(Bucket="bucket", Key="a b/ü+.txt", Body=b"x" * 100000)
print(s3.get_object(Bucket="bucket", Key="a b/ü+.txt")["Body"].read() == b"x" * 100000)
try:
    print(s3.head_object(Bucket="bucket", Key="a b/ü+.txt")["ContentLength"])
except ClientError as error:
    print(error.response["Error"]["Code"])
`;

testReal("boto3 through headgate", { "python:boto3": "python3-boto3" }, async (t) => {
  const place = await findAddress();
  await startBackend(t, {
    command: [PYTHON, SERVER, place.host, String(place.port)],
    address: place,
  });

  await t.test("puts an object, gets it and requests its length", async (t2) => {
    const { url } = await startHeadgate(t2, place.url);
    assert.equal(await runClient([PYTHON, "-c", CLIENT, url]), "True\n100000\n");
  });

  await t.test("is refused without the guard, which shows that the store checks", async (t2) => {
    const { url } = await startHeadgate(t2, place.url, "head: { guards: [] }");
    assert.equal(await runClient([PYTHON, "-c", CLIENT, url]), "True\n403\n");
  });
});
