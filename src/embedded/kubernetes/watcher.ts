/** Watch: an endless answer of JSON lines, one per change. */
import { encodeUtf8 } from "../../core/encoding.ts";
import { ApiError, expired } from "./api_error.ts";
import type { JsonObject, KubeObject } from "./json.ts";
import { show } from "./reader.ts";
import { isTrue } from "./request_info.ts";
import { apiVersionOf } from "./resources.ts";
import { parseSelection, type Selection } from "./selection.ts";
import type { ServerState, Target } from "./state.ts";
import type { Change } from "./store.ts";

const DEFAULT_TIMEOUT_MS = 1_800_000;

interface Watch {
  readonly target: Target;
  readonly query: URLSearchParams;
  readonly isSelected: Selection;
  send(type: string, object: JsonObject): void;
}

/** The real server did not foresee this: it answers 500, without a reason. */
function checkVersion(text: string): void {
  if (/^\d*$/.test(text)) return;
  const quoted = JSON.stringify(text);
  throw new ApiError(
    500,
    "",
    `resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: invalid syntax`,
  );
}

/** A deleted object is told as the watcher last knew it, at the version that took it away. */
function lastSeen(previous: KubeObject, { metadata: { resourceVersion } }: KubeObject): KubeObject {
  return {
    ...previous,
    metadata: { ...previous.metadata, ...(resourceVersion ? { resourceVersion } : {}) },
  };
}

export class Watcher {
  readonly #open = new Set<() => void>();
  #closed = false;

  constructor(private readonly state: ServerState, private readonly bookmarkMs: number) {}

  get openCount(): number {
    return this.#open.size;
  }

  open(target: Target, query: URLSearchParams): Response {
    if (this.#closed) return new Response(null, { status: 503 });
    checkVersion(query.get("resourceVersion") ?? "");
    const isSelected = parseSelection(query);
    const seconds = Number(query.get("timeoutSeconds") ?? 0);
    const timeoutMs = seconds > 0 ? seconds * 1000 : DEFAULT_TIMEOUT_MS;
    let stop = () => {};
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const send = (type: string, object: JsonObject) =>
          controller.enqueue(encodeUtf8(`${JSON.stringify({ type, object })}\n`));
        const watch: Watch = { target, query, isSelected, send };
        const release = this.#follow(watch);
        const end = () => {
          if (!this.#open.delete(end)) return;
          release?.();
          clearTimeout(timer);
          clearInterval(bookmarks);
        };
        const finish = () => {
          this.#bookmark(watch);
          end();
          controller.close();
        };
        const timer = setTimeout(finish, timeoutMs);
        const bookmarks = setInterval(() => this.#bookmark(watch), this.bookmarkMs);
        this.#open.add(end);
        stop = end;
        if (release === null) {
          end();
          controller.close();
        }
      },
      cancel: () => stop(),
    });
    return new Response(body, { headers: { "content-type": "application/json" } });
  }

  /** Forgets every watch; their connections end with the server. */
  close(): void {
    this.#closed = true;
    for (const end of [...this.#open]) end();
  }

  /** Catches up and subscribes; null when the history does not reach back far enough. */
  #follow(watch: Watch): (() => void) | null {
    const { target, query, isSelected, send } = watch;
    const version = query.get("resourceVersion") ?? "";
    const wantsInitial = isTrue(query.get("sendInitialEvents"));
    if (version === "" || version === "0" || wantsInitial) {
      for (const object of this.state.store.list(target.resource, target.info.namespace)) {
        if (isSelected(object)) send("ADDED", show(target.resource, object));
      }
      if (wantsInitial) this.#bookmark(watch, { "k8s.io/initial-events-end": "true" });
    } else {
      const missed = this.state.store.since(Number(version));
      if (missed === null) {
        send("ERROR", expired(`too old resource version: ${version}`).toStatus());
        return null;
      }
      for (const change of missed) this.#forward(watch, change);
    }
    return this.state.store.subscribe((change) => this.#forward(watch, change));
  }

  #forward({ target: { resource, info }, isSelected, send }: Watch, change: Change): void {
    const { key, object, previous } = change;
    if (key.group !== resource.group || key.plural !== resource.plural) return;
    if (info.namespace && object.metadata.namespace !== info.namespace) return;
    const was = previous !== null && isSelected(previous);
    const is = change.type !== "DELETED" && isSelected(object);
    // An object that no longer matches the selector is, to this watcher, deleted.
    if (is) send(was ? "MODIFIED" : "ADDED", show(resource, object));
    else if (was) send("DELETED", show(resource, lastSeen(previous, object)));
  }

  #bookmark({ target, query, send }: Watch, annotations?: { [key: string]: string }): void {
    if (!isTrue(query.get("allowWatchBookmarks"))) return;
    const resourceVersion = String(this.state.store.revision);
    const metadata: JsonObject = { resourceVersion, ...(annotations ? { annotations } : {}) };
    send("BOOKMARK", {
      kind: target.resource.kind,
      apiVersion: apiVersionOf(target.resource),
      metadata,
    });
  }
}
