// Does something soon, once, however often it is asked to; and never twice at the same time.

const SOON = 150; // ms

export function coalesced(run) {
  let waiting = null;
  let running = false;
  let again = false;
  const begin = async () => {
    waiting = null;
    running = true;
    try {
      await run();
    } finally {
      running = false;
      if (again) later();
    }
  };
  const later = () => {
    again = running;
    if (!running && waiting === null) waiting = setTimeout(begin, SOON);
  };
  return later;
}
