/**
 * What servers of the Prometheus API say when they do not answer a range query, in their own words, and what
 * is to be made of it: ask for less (`too_large`, `timeout`), give the window up (`rejected`), or ask the
 * same again later (`again`: the status says so; `away`: the reason does).
 */
export interface FailedAnswer {
  readonly source: string;
  readonly status: number;
  readonly body: string;
  readonly kind: "too_large" | "timeout" | "rejected" | "again" | "away";
  /** What was asked, where the reason repeats it. */
  readonly expr?: string;
}

const api = (errorType: string, error: string, more: object = {}) =>
  JSON.stringify({ status: "error", errorType, error, ...more });
const execution = (error: string) => api("execution", error);
/** VictoriaMetrics gives the status as the type, and statistics even then. */
const victoria = (error: string) =>
  api("422", error, { stats: { seriesFetched: "0", executionTimeMsec: 3 } });

type Row = readonly [status: number, body: string, kind: FailedAnswer["kind"], expr?: string];

const PROMETHEUS: readonly Row[] = [
  [
    422,
    execution("query processing would load too many samples into memory in query execution"),
    "too_large",
  ],
  [
    400,
    api(
      "bad_data",
      "exceeded maximum resolution of 11,000 points per timeseries. " +
        "Try decreasing the query resolution (?step=XX)",
    ),
    "too_large",
  ],
  [
    400,
    api("bad_data", 'invalid parameter "query": 1:4: parse error: unclosed left parenthesis'),
    "rejected",
  ],
  [
    400,
    api("bad_data", 'invalid parameter "end": end timestamp must not be before start time'),
    "rejected",
  ],
  [
    422,
    execution('found duplicate series for the match group {pod="limit"} on the right hand-side'),
    "rejected",
  ],
  [422, execution('duplicate series for {resource="limits", quota="exceeded"}'), "rejected"],
  [
    422,
    execution("invalid regular expression in label_replace(): limit exceeded("),
    "rejected",
    'label_replace(up, "a", "b", "", "limit exceeded(")',
  ],
  [
    422,
    execution('error sending request: Post "http://store:9201/read": dial tcp: connection refused'),
    "away",
  ],
  [503, api("timeout", "query timed out in expression evaluation"), "timeout"],
  [503, api("timeout", "query timed out in query execution"), "timeout"],
  [503, api("timeout", "query timed out in expression evaluation", { data: {} }), "timeout"],
  [499, api("canceled", "query was canceled in expression evaluation"), "away"],
  [500, api("internal", "TSDB not ready"), "again"],
  [500, api("unavailable", "TSDB not ready"), "again"],
  [503, "Service Unavailable", "again"],
];

const THANOS: readonly Row[] = [
  [
    422,
    execution(
      "expanding series: proxy Series(): rpc error: code = Aborted desc = receive series from " +
        'Addr: 10.0.0.7:10901 LabelSets: {cluster="limit"}: rpc error: code = Unavailable desc = ' +
        "connection error: dial tcp 10.0.0.7:10901: connect: connection refused",
    ),
    "away",
  ],
  [
    422,
    execution(
      "expanding series: proxy Series(): rpc error: code = ResourceExhausted desc = exceeded series limit: " +
        "rpc error: code = ResourceExhausted desc = limit 1000 violated (got 1001)",
    ),
    "too_large",
  ],
  [422, execution("expanding series: context deadline exceeded"), "timeout"],
];

const MIMIR: readonly Row[] = [
  [
    422,
    execution(
      "the query exceeded the maximum number of chunks (limit: 2000000 chunks) " +
        "(err-mimir-max-chunks-per-query). Consider reducing the time range and/or number of series " +
        "selected by the query.",
    ),
    "too_large",
  ],
  [
    422,
    execution(
      "the query exceeded the maximum number of series (limit: 100000 series) (err-mimir-max-series-per-query)",
    ),
    "too_large",
  ],
  [
    422,
    execution(
      "the query exceeded the aggregated chunks size limit (limit: 100 bytes) (err-mimir-max-chunks-bytes-per-query)",
    ),
    "too_large",
  ],
  [
    422,
    execution(
      "the query time range exceeds the limit (query length: 1h0m0s, limit: 1m0s) (err-mimir-max-query-length)",
    ),
    "too_large",
  ],
  [
    400,
    api(
      "bad_data",
      "the total query time range exceeds the limit (query length: 1h0m0s, limit: 1m0s) " +
        "(err-mimir-max-total-query-length). To adjust the related per-tenant limit, configure " +
        "-query-frontend.max-total-query-length, or contact your service administrator.",
    ),
    "too_large",
  ],
  [
    400,
    api(
      "bad_data",
      "the raw query size in bytes exceeds the limit (query size: 10, limit: 20) " +
        "(err-mimir-max-query-expression-size-bytes)",
    ),
    "rejected",
  ],
  [413, api("too_large_entry", "response larger than the max message size (2 vs 1)"), "too_large"],
  [429, "too many outstanding requests", "again"],
  [429, api("too_many_requests", "too many outstanding requests"), "again"],
  [500, api("internal", "failed to enqueue request"), "again"],
  [503, api("unavailable", "at least 2 live replicas required, could only find 1"), "again"],
  [500, "rpc error: code = Unavailable desc = frontend not running: Stopping", "again"],
];

const CORTEX: readonly Row[] = [
  [
    422,
    execution(
      "expanding series: the query hit the max number of series limit (limit: 100000 series)",
    ),
    "too_large",
  ],
  [422, execution("the query hit the max number of chunks limit (limit: 5 chunks)"), "too_large"],
  [429, "too many outstanding requests", "again"],
];

const VICTORIA: readonly Row[] = [
  [
    422,
    victoria(
      'error when executing query="sum(up)" on the time range: cannot select more than ' +
        "-search.maxSamplesPerQuery=1000000000 samples; possible solutions: increase the " +
        "-search.maxSamplesPerQuery; reduce time range for the query; use more specific label filters",
    ),
    "too_large",
    "sum(up)",
  ],
  [
    422,
    victoria(
      "the number of matching timeseries exceeds 300000; either narrow down the search or increase " +
        "-search.max* command-line flag values at vmselect",
    ),
    "too_large",
  ],
  [
    422,
    victoria(
      "too many points for the given start=1, end=2 and step=5000: 541; the maximum number of points is 30000",
    ),
    "too_large",
  ],
  [
    422,
    victoria("not enough memory for processing 7 data points across 3 time series"),
    "too_large",
  ],
  [
    422,
    victoria("error during search: timeout exceeded while fetching data: 30.000 seconds"),
    "timeout",
  ],
  [422, victoria('cannot parse "sum(": unexpected end of query'), "rejected", "sum("],
  [400, api("400", 'cannot parse "query" arg: missing'), "rejected"],
  [
    429,
    "couldn't start executing the request in 10.000 seconds, since -search.maxConcurrentRequests=8 " +
    "concurrent requests are executed.",
    "again",
  ],
  [
    503,
    "couldn't start executing the request in 10.000 seconds, since -search.maxConcurrentRequests=2 " +
    "concurrent requests are executed.",
    "again",
  ],
];

const PROXY: readonly Row[] = [
  [400, "not json", "rejected"],
  [413, "", "too_large"],
  [504, "gateway timeout", "timeout"],
  [502, "<html>bad gateway</html>", "again"],
  [503, "", "again"],
  [429, "", "again"],
  [408, "", "again"],
];

const SOURCES = {
  Prometheus: PROMETHEUS,
  Thanos: THANOS,
  Mimir: MIMIR,
  Cortex: CORTEX,
  VictoriaMetrics: VICTORIA,
  "a proxy": PROXY,
};

export const FAILED_ANSWERS: readonly FailedAnswer[] = Object.entries(SOURCES)
  .flatMap(([source, rows]) =>
    rows.map(([status, body, kind, expr]) => ({
      source,
      status,
      body,
      kind,
      ...(expr === undefined ? {} : { expr }),
    }))
  );
