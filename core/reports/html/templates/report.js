(function () {
  'use strict';
  const charts = Array.from(document.querySelectorAll('.chart'));
  const colors = function () {
    const style = getComputedStyle(document.body);
    return {
      'font.color': style.color, 'font.family': style.fontFamily,
      'hoverlabel.bgcolor': style.getPropertyValue('--raised').trim(),
      'hoverlabel.font.color': style.color, 'hoverlabel.bordercolor': 'rgba(128,128,128,0.6)',
      'modebar.bgcolor': 'rgba(0,0,0,0)', 'modebar.color': 'rgba(128,128,128,0.7)',
      'modebar.activecolor': style.color
    };
  };
  const draw = function (chart) {
    const drawn = JSON.parse(document.getElementById(chart.id + '-data').textContent);
    const layout = Object.assign({ autosize: true }, drawn.layout);
    if (!layout.dragmode) { layout.dragmode = 'zoom'; }
    return Plotly.newPlot(chart, drawn.data, layout, {
      responsive: true, displaylogo: false,
      modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d']
    }).then(function () { return Plotly.relayout(chart, colors()); })
      .then(function () { chart.dataset.drawn = 'yes'; });
  };
  const redraw = function (more) {
    charts.forEach(function (chart) {
      if (chart.dataset.drawn) { Plotly.relayout(chart, Object.assign(colors(), more)); }
    });
  };
  // One after the other from the top, so that the page can be read meanwhile.
  charts.reduce(function (before, chart) {
    return before.then(function () { return new Promise(function (on) { setTimeout(on, 0); }); })
      .then(function () { return draw(chart); });
  }, Promise.resolve());
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', function () { redraw({}); });
  addEventListener('beforeprint', function () {
    redraw({ width: 680, 'font.color': '#22211E' });
  });
  addEventListener('afterprint', function () { redraw({ width: null, autosize: true }); });
})();
