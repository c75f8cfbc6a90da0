/** The region that always answers: on in every account, it knows all regions, and it has the Pricing API. */
export const HOME_REGION = 'us-east-1';

/** The SDK's retries (throttling included) and short timeouts, the same for every client. */
export const CLIENT_SETTINGS = {
  maxAttempts: 4,
  requestHandler: { connectionTimeout: 5_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
};

/** A failed call: which IAM action it needed, where it went, and the SDK's error as the cause. */
export class AwsCallError extends Error {
  constructor(
    readonly action: string,
    readonly region: string,
    override readonly cause: unknown,
  ) {
    super(`${action} in ${region} failed`);
  }

  /** The code that the service gave, like `ParameterNotFound`. */
  get code(): string {
    return (this.cause as { name?: string } | undefined)?.name ?? '';
  }

  /** The HTTP status; HEAD requests have no body that could hold a code. */
  get status(): number | undefined {
    return (this.cause as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
  }
}

/** Runs one call; whatever it throws becomes an {@link AwsCallError}. */
export async function asking<T>(action: string, region: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new AwsCallError(action, region, error);
  }
}

/** The items of all pages. A last page has no token or an empty one, depending on the call. */
export async function everyPage<Page extends { NextToken?: string | undefined }, Item>(
  ask: (nextToken: string | undefined) => Promise<Page>,
  itemsOf: (page: Page) => Item[] | undefined,
): Promise<Item[]> {
  const items: Item[] = [];
  let nextToken: string | undefined;
  do {
    const page = await ask(nextToken);
    items.push(...(itemsOf(page) ?? []));
    nextToken = page.NextToken === '' ? undefined : page.NextToken;
  } while (nextToken !== undefined);
  return items;
}
