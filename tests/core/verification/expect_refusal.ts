import assert from "node:assert/strict";
import { ConnectorError, type ErrorCode } from "../../../src/errors.ts";

/** The call must be refused with this code and with a message that matches; returns the message. */
export function expectRefusal(call: () => unknown, code: ErrorCode, message = /./): string {
  try {
    call();
  } catch (error) {
    return messageOf(error, code, message);
  }
  assert.fail(`verified, where ${code} was expected`);
}

/** The same for a call that answers later. */
export async function expectRejection(
  call: () => Promise<unknown>,
  code: ErrorCode,
  message = /./,
): Promise<string> {
  try {
    await call();
  } catch (error) {
    return messageOf(error, code, message);
  }
  assert.fail(`verified, where ${code} was expected`);
}

function messageOf(error: unknown, code: ErrorCode, message: RegExp): string {
  assert.ok(error instanceof ConnectorError, `not a ConnectorError: ${error}`);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  assert.ok(error.hint, "a refusal must say what can be done");
  return error.message;
}
