/**
 * Starts the emulator.
 *
 *     node main.mjs --state DIR [--port N] [--prepare] [--until-stdin-closes] [--trace] [--quiet]
 *
 * Prints one JSON line when it is ready; with --prepare it ends then, and the next start has the same addresses. Ends on SIGTERM and SIGINT, with everything saved.
 */
import { parseArgs } from "node:util";

// libsignal prints sessions to the console, and this program has only one line to print there.
for (const name of ["log", "info", "warn", "error", "debug"]) console[name] = () => {};

const { Emulator } = await import("./emulator.mjs");

const { values: options } = parseArgs({
  options: {
    state: { type: "string" },
    prepare: { type: "boolean", default: false },
    port: { type: "string", default: "0" },
    "until-stdin-closes": { type: "boolean", default: false },
    trace: { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
  },
});
if (!options.state) {
  process.stderr.write("--state DIR says where everything is kept.\n");
  process.exit(2);
}

const emulator = new Emulator({ folder: options.state, trace: options.trace, quiet: options.quiet });
process.on("unhandledRejection", (error) => emulator.log(`unhandled: ${error?.stack ?? error}`));

async function stop() {
  await emulator.close();
  process.exit(0);
}

for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, stop);
if (options["until-stdin-closes"]) process.stdin.resume().once("close", stop).once("end", stop);

let ready;
try {
  ready = JSON.stringify(await emulator.listen(Number(options.port)));
} catch (error) {
  process.stderr.write(`The emulator cannot start: ${error.message}\n`);
  process.exit(1);
}
emulator.state.replaceFile("ready.json", ready);
process.stdout.write(`${ready}\n`);
if (options.prepare) await stop();
