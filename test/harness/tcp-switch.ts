/** A TCP relay in front of a server, which the test can cut off or make hang. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface TcpSwitch {
  readonly port: number;
  /** `cut` refuses or breaks connections, `hang` accepts them and never answers. Breaks what is open. */
  turn(to: 'on' | 'cut' | 'hang'): void;
  /** Accepts connections and lets them wait, until the answered function lets them through. */
  hold(): () => void;
  close(): Promise<void>;
}

export async function createTcpSwitch(targetPort: number): Promise<TcpSwitch> {
  let state: 'on' | 'cut' | 'hang' | 'hold' = 'on';
  const held: Socket[] = [];
  const sockets = new Set<Socket>();
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    return socket;
  };
  const server = createServer((socket) => {
    track(socket);
    if (state === 'cut') socket.destroy();
    if (state === 'hold') held.push(socket);
    if (state === 'on') relay(socket);
  });
  function relay(socket: Socket): void {
    if (socket.destroyed) return;
    const upstream = track(connect(targetPort, '127.0.0.1'));
    socket.pipe(upstream).pipe(socket);
    socket.on('close', () => upstream.destroy());
    upstream.on('close', () => socket.destroy());
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    turn(to) {
      state = to;
      breakAll();
    },
    hold() {
      state = 'hold';
      return () => {
        state = 'on';
        for (const socket of held.splice(0)) relay(socket);
      };
    },
    close() {
      breakAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
