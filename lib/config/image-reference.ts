/** A container image, as a reference names it. */
export interface ImageReference {
  /** The reference as it was given. */
  readonly reference: string;
  /**
   * Where the image is in an ECR private registry.
   * @default - the image is elsewhere
   */
  readonly ecr?: EcrRepository;
}

export interface EcrRepository {
  readonly account: string;
  readonly region: string;
  readonly repositoryName: string;
}

// The grammar of https://github.com/distribution/reference, in which a reference is [domain/]path[:tag][@digest].
const DOMAIN_LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const HOST = String.raw`(?:${DOMAIN_LABEL}(?:\.${DOMAIN_LABEL})*|\[[a-fA-F0-9:]+\])`;
const DOMAIN = new RegExp(String.raw`^${HOST}(?::[0-9]+)?$`);
const PATH_COMPONENT = '[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*';
const PATH = new RegExp(`^${PATH_COMPONENT}(?:/${PATH_COMPONENT})*$`);
const REFERENCE = /^(?<name>[^@\s]+?)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>[^@\s]+))?$/;
// Registries and Docker know these two algorithms alone.
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
const NAME_MAX = 255;
// A name of 64 hexadecimal digits is an image id to Docker, never a repository.
const IMAGE_ID = /^[0-9a-f]{64}$/;

/** @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html */
const ECR_DOMAIN = /^(?<account>\d{12})\.dkr\.ecr\.(?<region>[a-z0-9-]+)\.amazonaws\.(?:com|com\.cn|eu)$/;

/** Reads an image reference; undefined where the text is none. */
export function parseImageReference(text: string): ImageReference | undefined {
  const parts = REFERENCE.exec(text)?.groups;
  const name = parts?.name;
  if (name === undefined || name.length > NAME_MAX || IMAGE_ID.test(name)) return undefined;
  const digest = parts?.digest;
  if (digest !== undefined && !DIGEST.test(digest)) return undefined;

  const { domain, path } = splitName(name);
  if (domain !== undefined && !DOMAIN.test(domain)) return undefined;
  if (!PATH.test(path)) return undefined;

  const ecr = ECR_DOMAIN.exec(domain ?? '')?.groups;
  if (ecr?.account === undefined || ecr.region === undefined) return { reference: text };
  return { reference: text, ecr: { account: ecr.account, region: ecr.region, repositoryName: path } };
}

/** The first component is a registry only if it cannot be part of a path: it has a dot, a port or a capital, or is localhost. */
function splitName(name: string): { domain?: string; path: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  return /[.:A-Z]/.test(first) || first === 'localhost'
    ? { domain: first, path: name.slice(slash + 1) }
    : { path: name };
}
