/** A certificate that nobody vouches for, by openssl. */
import { join } from "node:path";
import { run } from "../images/base.ts";

export interface Certificate {
  /** PEM. */
  certificate: string;
  key: string;
}

/** A certificate for some host names, valid for a year. @throws StartError when there is no openssl */
export async function createCertificate(hosts: readonly string[]): Promise<Certificate> {
  const folder = await Deno.makeTempDir({ prefix: "rondo-certificate-" });
  try {
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
    await run("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-days", "365", "-subj", `/CN=${hosts[0]}`, "-keyout", key, "-out", certificate],
      // One that may vouch for others is not taken for a server's own.
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
      ...["-addext", `subjectAltName=${hosts.map((host) => `DNS:${host}`).join(",")}`],
    ]);
    return { certificate: await Deno.readTextFile(certificate), key: await Deno.readTextFile(key) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What a browser is told to accept a certificate by: the hash of its public key. @throws StartError */
export async function publicKeyHash(certificate: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "rondo-certificate-" });
  try {
    const file = join(folder, "certificate.pem");
    await Deno.writeTextFile(file, certificate);
    const pem = await run("openssl", ["x509", "-in", file, "-pubkey", "-noout"]);
    const der = Uint8Array.fromBase64(pem.replace(/-----[^-]+-----|\s/g, ""));
    return new Uint8Array(await crypto.subtle.digest("SHA-256", der)).toBase64();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
