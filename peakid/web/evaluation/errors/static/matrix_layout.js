// Where the cells and names of a confusion matrix are, for a number of classes and a width.

export const FONT_PX = 12;
export const NAME_PX = 13; // the height that a name needs
const TITLE_PX = 22; // the titles of the axes
const GAP_PX = 8;
const WIDEST_NAME_PX = 170;
const WIDEST_CELL_PX = 160;
const FLAT_FROM_PX = 90; // Of a cell: a shortened name is easier to read than one that is written upwards.
const FEW = { most: 15, height: 36, least: 26 }; // classes with a number in each cell

export const fontOf = (data, weight = 400) => `${weight} ${FONT_PX}px ${data.font}`;

/** Return the sizes: `left` and `top` of the cells, their width and height, and which names have a place. */
export function layoutOf(data, width, context) {
  const n = data.names.length;
  context.font = fontOf(data);
  const longest = Math.max(...data.names.map((name) => context.measureText(name).width));
  const isSmall = width < 500;
  const label = Math.ceil(Math.min(longest, WIDEST_NAME_PX, (isSmall ? 0.25 : 0.3) * width));
  const left = TITLE_PX + label + GAP_PX;
  const cellWidth = Math.min(WIDEST_CELL_PX, (width - left - 2) / n);
  const few = n <= 6 ? FEW.height : FEW.least;
  const cellHeight = n <= FEW.most ? few : Math.min(cellWidth, 22);
  const isFlat = longest + GAP_PX <= cellWidth || cellWidth >= FLAT_FROM_PX;
  const columnLabel = isFlat ? NAME_PX : label;
  return {
    left,
    label,
    isFlat,
    top: TITLE_PX + columnLabel + GAP_PX,
    columnLabel,
    cellWidth,
    cellHeight,
    hasNumbers: n <= FEW.most,
    rowStep: Math.max(1, Math.ceil(NAME_PX / cellHeight)),
    columnStep: isFlat ? 1 : Math.max(1, Math.ceil(NAME_PX / cellWidth)),
  };
}

/** Return the layout with the lines between the cells, on whole pixels: K + 1 of each. */
export function placesOf(layout, data) {
  const { left, top, cellWidth, cellHeight } = layout;
  const lines = (start, size) =>
    Array.from({ length: data.names.length + 1 }, (_, n) => Math.round(start + n * size));
  const [lineX, lineY] = [lines(left, cellWidth), lines(top, cellHeight)];
  return { ...layout, lineX, lineY, height: lineY.at(-1) + 3 };
}

/** Return a text that fits: shortened in the middle, because names of one kind often differ at their end. */
export function fitted(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  const letters = [...text];
  let [low, high] = [0, letters.length - 1];
  const cut = (n) => {
    const tail = Math.floor(n / 2);
    return `${letters.slice(0, n - tail).join("")}…${tail ? letters.slice(-tail).join("") : ""}`;
  };
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (context.measureText(cut(middle)).width <= width) low = middle;
    else high = middle - 1;
  }
  return cut(low);
}
