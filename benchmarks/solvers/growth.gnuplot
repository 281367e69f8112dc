# How time and memory of a step grow:  gnuplot -e "data='growth.txt'; picture='growth.png'" growth.gnuplot
set terminal pngcairo size 1200,800 font "DejaVu Sans,11" background "white"
set output picture
set multiplot layout 2,2 margins 0.07,0.975,0.08,0.985 spacing 0.085,0.12
set logscale xy
set border 3 lc rgb "#666666"
set tics nomirror out scale 0.6 textcolor rgb "#333333"
set grid ytics lc rgb "#e4e4e4" lt 1
set key left top reverse Left samplen 1.5 textcolor rgb "#333333"
set format y "%g"
ours = "#0b6fb8"; second = "#59b3e8"; others = "#c0562a"; fourth = "#7a7a7a"

set xrange [1:10000]
set xlabel "samples (one 16 x 16 map)"; set ylabel "ms a step"
plot data index 0 using 1:4 with linespoints pt 7 ps 0.7 lw 2 lc rgb others title "textbook Dijkstra, solves alone", \
     data index 0 using 1:2 with linespoints pt 7 ps 0.7 lw 2 lc rgb ours title "forward and vjp, 1 thread", \
     data index 0 using 1:3 with linespoints pt 7 ps 0.7 lw 2 lc rgb second title "2 threads"
set ylabel "MiB held"
plot data index 0 using 1:5 with linespoints pt 7 ps 0.7 lw 2 lc rgb fourth title "forward (keeps samples)", \
     data index 0 using 1:6 with linespoints pt 7 ps 0.7 lw 2 lc rgb ours title "marginals"
set xrange [1:1000]
set xlabel "maps of 16 x 16 (10 samples)"; set ylabel "ms a step"
plot data index 1 using 1:4 with linespoints pt 7 ps 0.7 lw 2 lc rgb others title "textbook Dijkstra, solves alone", \
     data index 1 using 1:2 with linespoints pt 7 ps 0.7 lw 2 lc rgb ours title "forward and vjp, 1 thread", \
     data index 1 using 1:3 with linespoints pt 7 ps 0.7 lw 2 lc rgb second title "2 threads"
set xrange [4:256]; set xtics (4, 8, 16, 32, 64, 128, 256)
set xlabel "side of the map (one map, 10 samples)"
plot data index 2 using 1:4 with linespoints pt 7 ps 0.7 lw 2 lc rgb others title "textbook Dijkstra, solves alone", \
     data index 2 using 1:2 with linespoints pt 7 ps 0.7 lw 2 lc rgb ours title "forward and vjp, 1 thread", \
     data index 2 using 1:3 with linespoints pt 7 ps 0.7 lw 2 lc rgb second title "2 threads"
unset multiplot
