/**
 * `relay.ts HOST PORT URL`: until it is ended, whoever connects to that address of this machine speaks to
 * a server on loopback. There is no kube-proxy: so pods reach the API server by the service's address.
 */
import { FaultProxy } from "../fault_proxy.ts";

const [host, port, url] = Deno.args;
await FaultProxy.start(url!, { host: host!, port: Number(port) });
