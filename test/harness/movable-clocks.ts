/** Lets a test move both clocks of the app over HTTP. The app must be built with `movableClocks`. */
import type { App } from './app';

/** For `buildAppWith`. The clocks of all instances in this process move together, and are real again after the last. */
export const movableClocks = `
import { app as clockedApp } from '@azure/functions';
{
  const real = [Date, performance].map((clock) => ({ clock, now: clock.now }));
  const ahead = { wallMs: 0, elapsedMs: 0 };
  let stopped;
  Date.now = () => (stopped?.wallMs ?? real[0].now.call(Date)) + ahead.wallMs;
  performance.now = () => (stopped?.elapsedMs ?? real[1].now.call(performance)) + ahead.elapsedMs;
  clockedApp.hook.appTerminate(() => { for (const { clock, now } of real) clock.now = now; });
  clockedApp.http('clocks', {
    methods: ['POST'],
    authLevel: 'anonymous',
    handler: async (request) => {
      const { stop, wallMs = 0, elapsedMs = 0 } = await request.json();
      // Whole milliseconds, so that sums and differences of them are exact.
      if (stop) stopped = { wallMs: real[0].now.call(Date), elapsedMs: Math.ceil(real[1].now.call(performance)) };
      ahead.wallMs += wallMs;
      ahead.elapsedMs += elapsedMs;
      return { status: 204 };
    },
  });
}`;

/** From now on they stand still between moves. Timers go on. */
export async function stopClocks(app: App): Promise<void> {
  await app.post('/api/clocks', { stop: true });
}

/** Moves both, as time does. */
export async function advance(app: App, ms: number): Promise<void> {
  await app.post('/api/clocks', { wallMs: ms, elapsedMs: ms });
}

/** Moves the wall clock alone: negative when someone sets it back. */
export async function moveWall(app: App, ms: number): Promise<void> {
  await app.post('/api/clocks', { wallMs: ms });
}
