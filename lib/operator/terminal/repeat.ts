import type { World } from '../world';

/**
 * Does something again and again, until the person wants an end.
 * @param pauseMs - between an end and the next beginning
 */
export async function repeat(world: World, pauseMs: number, turn: () => Promise<void>): Promise<void> {
  const end = new AbortController();
  const off = world.onInterrupt(() => {
    end.abort();
  });
  try {
    const goesOn = () => !end.signal.aborted;
    while (goesOn()) {
      await turn();
      if (goesOn()) await world.sleep(pauseMs, end.signal);
    }
  } finally {
    off();
  }
}
