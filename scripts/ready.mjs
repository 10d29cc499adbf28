// Makes the checkout ready to run or to test: dependencies from the lock file, and a fresh bundle. What is there already
// is left alone, so that every command can begin with it. Needs nothing but Node and npm.

import { spawnSync } from "node:child_process";
import { closeSync, lstatSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBundle, isBundleFresh } from "./build.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const lockFile = join(root, ".ready.lock");

/** The bundle is all that `npm start` needs: a checkout whose bundle is fresh runs without node_modules. */
export async function readyToRun() {
  checkNode();
  if (isBundleFresh()) return;
  await alone(async () => {
    if (isBundleFresh()) return;
    installModules();
    await bundle();
  });
}

/** Tests need the dependencies too. */
export async function readyToTest() {
  checkNode();
  if (areModulesFresh() && isBundleFresh()) return;
  await alone(async () => {
    installModules();
    if (!isBundleFresh()) await bundle();
  });
}

/** Ends the process with one line that says what is wrong: a stack trace of this script would help nobody. */
export function fail(message) {
  process.stderr.write(`headgate: ${message}\n`);
  process.exit(1);
}

function checkNode() {
  const wanted = readJson("package.json").engines.node.replace(">=", "");
  const [wantedMajor, wantedMinor] = wanted.split(".").map(Number);
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  fail(`needs Node ${wanted} or newer, this is ${process.versions.node} (${process.execPath})`);
}

function installModules() {
  if (areModulesFresh()) return;
  say("installing dependencies (npm ci)");
  // The running npm where there is one. `--include=dev`: the build needs esbuild under NODE_ENV=production as well.
  const npm = process.env.npm_execpath;
  const [command, first] = npm ? [process.execPath, [npm]] : ["npm", []];
  const options = ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  // Its standard output goes to our standard error: what the started program prints must stay alone on ours.
  const npmCi = spawnSync(command, [...first, ...options], { cwd: root, stdio: ["ignore", 2, 2] });
  if (npmCi.status !== 0)
    fail(`npm ci failed (${npmCi.error?.message ?? npmCi.signal ?? `exit ${npmCi.status}`})`);
}

// npm writes what it installed to node_modules/.package-lock.json as its last act. Comparing that record needs no stamp of
// our own, so that dependencies installed by hand count too.
function areModulesFresh() {
  // A linked node_modules belongs to another checkout. `npm ci` would empty it under that checkout's feet.
  if (lstatSync(join(root, "node_modules"), { throwIfNoEntry: false })?.isSymbolicLink())
    return true;
  const installed = readJson("node_modules/.package-lock.json")?.packages ?? {};
  const { "": _root, ...wanted } = readJson("package-lock.json").packages;
  // Optional packages of other platforms are in the lock file but never installed.
  const isThere = ([path, entry]) =>
    installed[path]?.version === entry.version || (!installed[path] && entry.optional);
  return (
    Object.entries(wanted).every(isThere) && Object.keys(installed).every((path) => path in wanted)
  );
}

async function bundle() {
  say("building dist/headgate.cjs");
  await buildBundle().catch((error) => fail(`the build failed: ${error.message}`));
}

// Two commands started at once in a fresh clone must not both install: the second waits, and then finds all done.
async function alone(work) {
  for (let tries = 0; !takeLock(); tries += 1) {
    if (tries === 1) say("waiting for another headgate command to finish its set-up (.ready.lock)");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // On exit too, because `fail` leaves without unwinding.
  process.once("exit", releaseLock);
  await work();
  process.off("exit", releaseLock);
  releaseLock();
}

function takeLock() {
  try {
    const lock = openSync(lockFile, "wx");
    writeSync(lock, String(process.pid));
    closeSync(lock);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") fail(`cannot write ${lockFile}: ${error.message}`);
    if (!isHolderAlive()) releaseLock();
    return false;
  }
}

function releaseLock() {
  rmSync(lockFile, { force: true });
}

function isHolderAlive() {
  try {
    const pid = Number(readFileSync(lockFile, "utf8"));
    // An empty file is a holder between its open and its write. Signal 0 only asks.
    return pid === 0 || process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to another user. ENOENT: it is gone, and so is the lock.
    return error.code === "EPERM";
  }
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), "utf8"));
  } catch {
    return undefined;
  }
}

function say(what) {
  process.stderr.write(`headgate: ${what}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await readyToTest();
