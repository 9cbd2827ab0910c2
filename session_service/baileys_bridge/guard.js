import { AsyncLocalStorage } from "node:async_hooks";

const running = new AsyncLocalStorage();

/** Runs `work` so that whatever it starts, sockets and timers included, is known to be `session`'s. */
export const onBehalfOf = (session, work) => running.run(session, work);

/**
 * Errors that nobody caught would end the process and with it every session. Here they end the session that they came
 * from. A rejection of nobody's is only reported. After an exception of nobody's the process cannot be trusted: it
 * ends, and the worker starts another.
 *
 * @param {(error: unknown) => void} report
 */
export function guard(report) {
  process.on("unhandledRejection", (reason) => {
    const session = running.getStore();
    session ? session.fail(reason) : report(reason);
  });
  process.on("uncaughtException", (error) => {
    const session = running.getStore();
    if (session) return session.fail(error);
    report(error);
    setTimeout(() => process.exit(70), 50);
  });
}
