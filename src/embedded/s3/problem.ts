/** S3's errors and answers in XML. */
export class S3Problem extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
}

export type XmlContent = string | readonly XmlElement[];
export type XmlElement = readonly [name: string, content: XmlContent];

function render([name, content]: XmlElement): string {
  const inner = typeof content === "string" ? escape(content) : content.map(render).join("");
  return `<${name}>${inner}</${name}>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

export function answerXml(root: string, content: readonly XmlElement[], status = 200): Response {
  return new Response(`<?xml version="1.0" encoding="UTF-8"?>\n${render([root, content])}`, {
    status,
    headers: { "content-type": "application/xml" },
  });
}

/** HEAD answers carry no body, as in S3. */
export function answerProblem(problem: S3Problem, method: string): Response {
  if (method === "HEAD") return new Response(null, { status: problem.status });
  return answerXml("Error", [["Code", problem.code], ["Message", problem.message]], problem.status);
}
