/** Authorities and certificates for tests, made by openssl(1). @module */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const openssl = (cwd: string, ...args: string[]) => promisify(execFile)("openssl", args, { cwd });

/** Paths of a certificate and its key. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** An authority in a folder of its own. */
export class TestAuthority {
  readonly folder: string;
  readonly certificate: string;
  readonly #name: string;

  private constructor(folder: string, name: string) {
    this.folder = folder;
    this.#name = name;
    this.certificate = join(folder, `${name}.pem`);
  }

  static async make(folder: string, name: string): Promise<TestAuthority> {
    await openssl(folder, ...newKey, "-x509", "-keyout", `${name}.key`, "-out", `${name}.pem`, "-subj", `/CN=${name}`, "-days", "2");
    await writeFile(join(folder, `${name}.index`), "");
    const config = `[ca]\ndefault_ca=own\n[own]\ndatabase=${name}.index\ndefault_md=sha256\ndefault_crl_days=2\n`;
    await writeFile(join(folder, `${name}.cnf`), config);
    return new TestAuthority(folder, name);
  }

  /** @param subject - As `/O=a/CN=b`. @param names - `DNS:a,URI:b`. */
  async issue(file: string, subject: string, names: string): Promise<Pair> {
    const { folder } = this;
    await writeFile(join(folder, `${file}.ext`), `subjectAltName=${names}\n`);
    await openssl(folder, ...newKey, "-keyout", `${file}.key`, "-out", `${file}.csr`, "-subj", subject);
    const sign = ["-CA", `${this.#name}.pem`, "-CAkey", `${this.#name}.key`, "-CAcreateserial", "-days", "1", "-extfile", `${file}.ext`];
    await openssl(folder, "x509", "-req", "-in", `${file}.csr`, "-out", `${file}.pem`, ...sign);
    return { certificate: join(folder, `${file}.pem`), key: join(folder, `${file}.key`) };
  }

  /** @returns Path of the list of revoked certificates, with these and those before. */
  async revoke(...certificates: string[]): Promise<string> {
    const own = ["-config", `${this.#name}.cnf`, "-cert", `${this.#name}.pem`, "-keyfile", `${this.#name}.key`];
    for (const certificate of certificates) await openssl(this.folder, "ca", ...own, "-revoke", certificate);
    await openssl(this.folder, "ca", ...own, "-gencrl", "-out", `${this.#name}.crl`);
    return join(this.folder, `${this.#name}.crl`);
  }
}

const newKey = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
