/** What each error code means and what to do about it; the compiler sees to it that none is missing. */
import type { ErrorCode } from "../src/errors.ts";

export interface Meaning {
  readonly means: string;
  readonly remedy: string;
}

export const MEANINGS: Readonly<Record<ErrorCode, Meaning>> = {
  malformed_request: {
    means: "A request, a command or an argument is not what its schema says.",
    remedy: "Correct what the message names; see `docs/openapi/`.",
  },
  malformed_bundle: {
    means: "The bundle is no Sigstore bundle, or breaks one of its rules.",
    remedy: "Sign again with `cosign sign-blob --bundle`, and send that file as it is.",
  },
  malformed_package: {
    means: "The bytes are signed, but they are no valid work package.",
    remedy: "Correct the field that the message names (`docs/wpk-format.md`), and sign again.",
  },
  malformed_policy: {
    means: "The policy file is not valid.",
    remedy:
      "Correct what the message names; try it with `neuralops-connector policy check`. The connector does not start with a broken policy.",
  },
  malformed_approval: {
    means: "The approval document is signed, but is not what the connector prepares.",
    remedy: "Sign what `executions approval ID` prints, unchanged.",
  },
  malformed_answer: {
    means: "A peer answered something else than its API promises.",
    remedy: "Check the peer's address and version: a proxy's login page looks like this.",
  },
  too_large: {
    means: "A body, file or answer is above its limit.",
    remedy: "Send less; a package may have 1 MiB.",
  },
  too_many_objects: {
    means: "The package touches more than 100 objects.",
    remedy: "Split it into several packages of one stream.",
  },
  unauthenticated: {
    means: "The request carries no valid Orchestrator token.",
    remedy:
      "Send a token of the registered issuer, for this cluster's id, no older than five minutes; compare the clocks.",
  },
  missing_signature: {
    means: "There is no signature in the bundle.",
    remedy: "Sign the package, and send the bundle with it.",
  },
  bad_signature: {
    means: "The signature does not fit these bytes, or the journal was edited.",
    remedy: "Sign the exact bytes again; any change after signing is refused.",
  },
  unknown_signer: {
    means: "It is signed, but by nobody that `trust.signers` names.",
    remedy: "Sign with a trusted key, or add the signer.",
  },
  untrusted_certificate: {
    means: "The signing certificate does not come from the trusted root.",
    remedy: "Sign with the Sigstore instance that `trustedRoot` describes.",
  },
  wrong_identity: {
    means: "The certificate is good, but names another identity or issuer.",
    remedy: "Sign as the identity that `trust.signers` names, or correct it there.",
  },
  missing_log_proof: {
    means: "A proof of the transparency log is required, and is missing or wrong.",
    remedy: "Sign with the log that the trusted root names.",
  },
  too_few_signers: {
    means: "Trusted signers signed, but fewer than `trust.threshold` asks for.",
    remedy: "Have another one sign, and send all bundles together.",
  },
  wrong_target: {
    means: "The package is for other clusters, or for labels that this one does not have.",
    remedy: "Send it to the cluster that it names; labels stand under `execution.labels`.",
  },
  not_yet_valid: {
    means: "It is before `notBefore`.",
    remedy: "Send it again then; check this host's clock.",
  },
  expired: {
    means: "It is `expiresAt` or later, or the certificate was not valid at signing.",
    remedy: "Have a new one signed; check this host's clock.",
  },
  sequence_not_newer: {
    means: "Its stream has accepted this sequence number, or a higher one.",
    remedy: "Have it signed again with the next number.",
  },
  replayed: {
    means: "These very bytes were carried out, or ended, before. The answer says how.",
    remedy: "Nothing, or have a new package signed.",
  },
  policy_denied: {
    means: "The local policy does not allow it.",
    remedy:
      "See rule by rule with `neuralops-connector policy check`; the cluster's owner decides.",
  },
  approval_mismatch: {
    means: "The approval is for another plan than the one that waits.",
    remedy: "Look at it again with `executions show`, and approve what it says now.",
  },
  approval_wrong_package: {
    means: "The approval is signed for another execution or package than the one it came to.",
    remedy: "Prepare and sign one for this execution: `executions approval ID`.",
  },
  approver_unproven: {
    means:
      "The command line did not show which user of the operating system runs it, or not in time; or the API server does not refuse a false name on an execution.",
    remedy:
      "Approve with `executions approve` on the connector's machine, as a user who may enter `stateDir/challenges`: `docs/runbook.md`, To approve. With kubectl: install `docs/examples/approval-policy.yaml`.",
  },
  not_an_approver: {
    means: "The person is known, and is none of `execution.approvers`.",
    remedy:
      "Have an approver say yes, or add the person's user id, user of the cluster, key or identity there.",
  },
  approver_is_requester: {
    means: "Who approves has signed the package, by this or another of their means.",
    remedy: "Have another approver look at it.",
  },
  already_approved: {
    means: "This person has approved this plan already; more persons are needed.",
    remedy: "Have another approver look at it: `executions show` says who has.",
  },
  not_approvable: {
    means: "The execution does not wait for approval.",
    remedy: "See its state with `executions show`.",
  },
  plan_changed: {
    means:
      "The cluster changed after it was planned. Nothing was done, or what was done was taken back.",
    remedy: "Have a new package signed; it is planned for the cluster as it is then.",
  },
  field_conflict: {
    means: "Another field manager owns a field that the package would set. It is named.",
    remedy: "Change it where its owner does, or have the owner give it up. Nothing is forced.",
  },
  admission_denied: {
    means: "The API server refused the object in a dry run or a write.",
    remedy: "Correct the manifest by what the message says.",
  },
  file_refused: {
    means:
      "This host does not let the file be placed: a link or another kind of thing in its way, another owner, or a mode or size above the root's limit.",
    remedy: "See `execution.files.roots`, and `docs/wpk-format.md`, Files on an edge host.",
  },
  not_leader: {
    means:
      "Another connector of the cluster leads, and is named; or the execution was changed meanwhile, by a person or another lane.",
    remedy:
      "Turn to the one that leads, or try again when this one does: `docs/runbook.md`, Several agents of one cluster. For an execution, look again with `executions show`.",
  },
  audit_unavailable: {
    means: "An audit record could not be made durable within five seconds, so nothing was done.",
    remedy: "See `docs/runbook.md`, The disk is full.",
  },
  audit_broken: {
    means: "The audit log is damaged, or something else wrote to it. Nothing more is carried out.",
    remedy: "See `docs/runbook.md`, The audit log is damaged.",
  },
  not_found: {
    means:
      "There is no such execution, path, object, file or root; or no cluster to look for it in.",
    remedy: "Check the name.",
  },
  peer_not_allowed: {
    means: "A peer answered with a redirect, or a request would go to an origin not configured.",
    remedy: "Configure the final address; redirects are never followed with credentials.",
  },
  not_in_release: {
    means: "This program is not what the signed checksums of a release say, or cannot be compared.",
    remedy:
      "Do not use it. Download it again, and check it from outside first (`docs/release.md`).",
  },
  unavailable: {
    means: "A peer cannot be reached, or answered 5xx; or this cluster is not registered yet.",
    remedy: "Nothing: it is tried again, less and less often. Nothing is lost meanwhile.",
  },
  timeout: {
    means: "A peer, or a client's body, did not come in time.",
    remedy: "As above; if it stays, check the network and the `timeout` of the peer.",
  },
  rate_limited: {
    means: "A peer asks for patience, or `execution.maxOpen` executions are open here.",
    remedy: "Nothing, or approve and reject what is pending.",
  },
  disk_full: {
    means: "The volume of the state directory has no space left.",
    remedy: "Free some. Nothing acknowledged was lost, and nothing is carried out until then.",
  },
  config_invalid: {
    means: "The configuration, or a file that it names, cannot be used.",
    remedy: "Correct the key that the message names: `docs/configuration.md`.",
  },
  vault_denied: {
    means: "Vault refused the login, or the token's policies do not allow the call.",
    remedy:
      "Check `vault.auth`, the policies of its role, and `vault.namespace`. A token needs an entity: `docs/runbook.md`.",
  },
  identity_rejected: {
    means: "The control plane does not accept the identity token or the proof of possession.",
    remedy: "Check that it trusts this Vault's OIDC issuer and role; compare the clocks.",
  },
  access_denied: {
    means: "A peer knows us and does not permit this: RBAC, bucket policy, control plane.",
    remedy: "Grant what the message names, or do without.",
  },
  tls_untrusted: {
    means: "A peer's TLS certificate cannot be trusted.",
    remedy: "Check the peer's `caFile`, the names in the certificate, and its dates.",
  },
  state_unwritable: {
    means: "The state directory cannot be written, or another connector holds it.",
    remedy: "Give it to the connector's user; stop the other one.",
  },
  state_damaged: {
    means: "A file in the state directory cannot be read, or is not as the connector left it.",
    remedy: "Restore the file that the message names, or do what the hint says.",
  },
  bucket_settings: {
    means: "The bucket does not exist, is elsewhere, or its settings do not allow the upload.",
    remedy: "Check `audit.s3` and the bucket's region, versioning and Object Lock.",
  },
  apply_failed: {
    means: "A write failed in a way that trying again does not mend.",
    remedy: "See the reason in `executions show`; the change was taken back where asked for.",
  },
  unhealthy: {
    means: "The objects were written, and did not become healthy in `wait.timeout`.",
    remedy: "See which one in the reason; the change was taken back where asked for.",
  },
  rollback_failed: {
    means: "The change could not be taken back whole.",
    remedy: "See `docs/runbook.md`, A rollback failed.",
  },
};
