// What people draw on a canvas with mouse, finger, pen or keyboard: 280 x 280 pixels from 0 (black) to 255 (white).
// size() and shade() are those of the pen. onBegin() is called before a stroke, and returns what undo() is to return.
// onChange() is called after every change.
function createDrawing(canvas, { size, shade, onBegin, onChange }) {
  const SIDE = 280, WHITE = 255;
  const KEY_STEP = 10;
  const N_UNDO = 20;
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  let ink = new Uint8Array(SIDE * SIDE).fill(WHITE);
  let earlier = [];
  let pen = { x: SIDE / 2, y: SIDE / 2, isVisible: false };

  function begin() {
    earlier = [...earlier.slice(1 - N_UNDO), { shown: onBegin(), ink: ink.slice() }];
  }
  function dot(x, y, diameter) {
    const radius = diameter / 2, value = shade();
    for (let row = Math.max(0, Math.ceil(y - radius)); row <= Math.min(SIDE - 1, y + radius); row++) {
      const half = Math.sqrt(radius ** 2 - (row - y) ** 2);
      const last = Math.min(SIDE - 1, Math.floor(x + half));
      for (let column = Math.max(0, Math.ceil(x - half)); column <= last; column++) ink[row * SIDE + column] = value;
    }
  }
  function line(x, y, diameter) {
    const n = Math.max(1, Math.ceil(Math.hypot(x - pen.x, y - pen.y)));
    for (let i = 1; i <= n; i++) dot(pen.x + ((x - pen.x) * i) / n, pen.y + ((y - pen.y) * i) / n, diameter);
    pen = { ...pen, x, y };
  }

  const pressedSize = ({ pointerType, pressure }) => size() * (pointerType === "pen" && pressure ? 0.4 + 1.2 * pressure : 1);
  function place({ clientX, clientY }) {
    const frame = canvas.getBoundingClientRect();
    return [((clientX - frame.left) * SIDE) / frame.width, ((clientY - frame.top) * SIDE) / frame.height];
  }
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    begin();
    const [x, y] = place(event);
    pen = { x, y, isVisible: false, id: event.pointerId };
    dot(x, y, pressedSize(event));
    onChange();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (pen.id !== event.pointerId) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) line(...place(each), pressedSize(each));
    onChange();
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => delete pen.id);

  canvas.addEventListener("keydown", (event) => {
    const [right, down] = ARROWS[event.key] ?? [0, 0];
    if (event.ctrlKey || event.metaKey || event.altKey || (!right && !down && event.key !== " ")) return;
    event.preventDefault();
    const clamp = (value) => Math.min(Math.max(value, 0), SIDE);
    const x = clamp(pen.x + KEY_STEP * right), y = clamp(pen.y + KEY_STEP * down);
    if (event.key === " " || event.shiftKey) {
      if (event.repeat) onBegin();
      else begin();
      line(x, y, size());
    }
    pen = { x, y, isVisible: true };
    onChange();
  });
  canvas.addEventListener("blur", () => {
    pen.isVisible = false;
    onChange();
  });

  return {
    SIDE,
    pixels: () => ink,
    canUndo: () => earlier.length > 0,
    clear() {
      begin();
      ink.fill(WHITE);
    },
    // Returns what onBegin returned before the stroke; undefined if there is none.
    undo() {
      const last = earlier.pop();
      ink = last?.ink ?? ink;
      return last?.shown;
    },
    // Paints the white parts that no white path connects to an edge.
    fill() {
      begin();
      const outside = new Uint8Array(SIDE * SIDE), open = [], inner = shade();
      const visit = (x, y) => {
        const i = y * SIDE + x;
        if (x < 0 || y < 0 || x >= SIDE || y >= SIDE || outside[i] || ink[i] !== WHITE) return;
        outside[i] = 1;
        open.push([x, y]);
      };
      for (let i = 0; i < SIDE; i++) [[i, 0], [i, SIDE - 1], [0, i], [SIDE - 1, i]].forEach((edge) => visit(...edge));
      while (open.length) {
        const [x, y] = open.pop();
        [[x - 1, y], [x + 1, y], [x, y - 1], [x, y + 1]].forEach((next) => visit(...next));
      }
      ink.forEach((value, i) => value === WHITE && !outside[i] && (ink[i] = inner));
    },
    // A circle where the keyboard has the pen.
    showPen(context) {
      if (!pen.isVisible) return;
      context.strokeStyle = "#0b5fa5";
      context.lineWidth = 2;
      context.beginPath();
      context.arc(pen.x, pen.y, size() / 2 + 2, 0, 7);
      context.stroke();
      context.lineWidth = 1;
    },
  };
}
