// Draws the charts of the report from the JSON in #data. It sets no markup from data, and loads
// nothing. Times are seconds of Korean time as if they were UTC.
(function () {
  "use strict";
  const L = window.LightweightCharts;
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const PRINT_WIDTH = 680;
  const drawn = [];

  const color = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
  const won = (value) => Math.round(value).toLocaleString("en-US");
  const inWon = { type: "custom", formatter: won, minMove: 1 };
  const pct = (digits) => (value) => (value ? value.toFixed(digits) : "0") + "%";

  function look() {
    return {
      layout: {
        background: { type: "solid", color: color("paper") },
        textColor: color("ink"),
        fontFamily: getComputedStyle(document.body).fontFamily,
        fontSize: 11,
        panes: { separatorColor: color("line"), enableResize: false },
      },
      grid: { vertLines: { color: color("grid") }, horzLines: { color: color("grid") } },
      rightPriceScale: { borderColor: color("line") },
      timeScale: { borderColor: color("line") },
    };
  }

  function chartIn(box) {
    const chart = L.createChart(box, {
      width: box.clientWidth,
      height: box.clientHeight,
      handleScroll: false,
      handleScale: false,
      layout: { attributionLogo: false },
      localization: { locale: root.lang === "ko" ? "ko-KR" : "en-GB" },
      timeScale: { timeVisible: true, secondsVisible: false, fixLeftEdge: true, fixRightEdge: true },
      rightPriceScale: { scaleMargins: { top: 0.12, bottom: 0.12 } },
    });
    const one = { box, chart, paint: [] };
    drawn.push(one);
    return one;
  }

  function line(one, kind, options, colors, pane) {
    const plain = {
      lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false,
      priceFormat: inWon,
    };
    const series = one.chart.addSeries(kind, Object.assign(plain, options), pane);
    one.paint.push(() => series.applyOptions(colors()));
    return series;
  }

  const points = (pairs) => pairs.map(([time, value]) => ({ time, value }));

  function equity(box) {
    const one = chartIn(box);
    const fill = () => ({
      lineColor: color("accent"), topColor: color("wash"), bottomColor: color("paper"),
    });
    line(one, L.AreaSeries, { lineWidth: 2 }, fill)
      .setData(data.equity.map(([time, value]) => ({ time, value })));
    const depth = () => ({
      lineColor: color("fall"), topColor: color("paper"), bottomColor: color("deep"),
    });
    const digits = Math.min(...data.equity.map((point) => point[2])) > -0.1 ? 3 : 2;
    const priceFormat = { type: "custom", formatter: pct(digits), minMove: 0.001 };
    line(one, L.AreaSeries, { lineWidth: 1, invertFilledArea: true, priceFormat }, depth, 1)
      .setData(data.equity.map(([time, , value]) => ({ time, value })));
    one.chart.panes()[0].setStretchFactor(3);
    one.chart.panes()[1].setStretchFactor(1);
  }

  function days(box) {
    const one = chartIn(box);
    one.chart.applyOptions({ timeScale: { timeVisible: false } });
    const bars = line(one, L.HistogramSeries, {}, () => ({}));
    one.paint.push(() => bars.setData(data.days.map(([time, value]) => (
      { time, value, color: color(value < 0 ? "fall" : "rise") }
    ))));
  }

  function trade(box) {
    const course = data.trades[Number(box.dataset.n)];
    if (!course.prices.length) return;
    const one = chartIn(box);
    const series = line(one, L.LineSeries, { lineWidth: 2 }, () => ({ color: color("accent") }));
    const prices = points(course.prices);
    const room = Math.ceil(prices.length / 6) + 2;
    // Room for the words of a mark at either end: minutes without a price.
    const before = [...Array(room).keys()].map((n) => ({ time: prices[0].time - 60 * (room - n) }));
    series.setData(before.concat(prices));
    one.chart.applyOptions({ timeScale: { fixRightEdge: false, rightOffset: room } });
    for (const [name, hue] of [["target", "rise"], ["stop", "fall"]]) {
      const options = {
        lineWidth: 1, lineStyle: L.LineStyle.Dashed, lineType: L.LineType.WithSteps,
        title: data.words[name], lastValueVisible: true,
      };
      line(one, L.LineSeries, options, () => ({ color: color(hue) })).setData(points(course[name]));
    }
    const marks = L.createSeriesMarkers(series, []);
    one.paint.push(() => marks.setMarkers(course.marks.map((mark) => {
      const bought = mark.side === "BUY";
      return {
        time: mark.time,
        price: mark.price,
        position: bought ? "atPriceBottom" : "atPriceTop",
        shape: bought ? "arrowUp" : "arrowDown",
        color: color(bought ? "rise" : "fall"),
        text: data.words[mark.side] + " " + won(mark.quantity) + " @ " + won(mark.price),
      };
    })));
  }

  function paint() {
    for (const one of drawn) {
      one.chart.applyOptions(look());
      one.paint.forEach((apply) => apply());
      one.chart.timeScale().fitContent();
    }
  }

  function size(width) {
    for (const { box, chart } of drawn) {
      chart.resize(width || box.clientWidth, box.clientHeight, true);
      chart.timeScale().fitContent();
    }
  }

  // A picture of every chart for the printer, in light colours: a browser that prints lays the page
  // out anew and gives the charts no time to be drawn again.
  function photograph() {
    for (const { box, chart } of drawn) {
      const picture = document.createElement("img");
      picture.className = "print";
      picture.src = chart.takeScreenshot(true).toDataURL("image/png");
      box.append(picture);
    }
  }

  const kinds = { equity, days, trade };
  for (const box of document.querySelectorAll("[data-chart]")) kinds[box.dataset.chart](box);
  root.dataset.theme = "light";
  paint();
  size(PRINT_WIDTH);
  requestAnimationFrame(() => requestAnimationFrame(() => {
    photograph();
    delete root.dataset.theme;
    paint();
    size();
    root.dataset.drawn = String(drawn.length);
  }));

  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", paint);
  document.getElementById("theme").addEventListener("click", () => {
    const now = root.dataset.theme || (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    paint();
  });
  window.addEventListener("resize", () => size());
})();
