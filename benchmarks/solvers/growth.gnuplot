# How time and memory grow:  gnuplot -e "data='growth.txt'; picture='growth.png'" growth.gnuplot
set terminal pngcairo size 1350,850 font "DejaVu Sans,10" background "white"
set output picture
set multiplot layout 2,3 margins 0.062,0.985,0.075,0.985 spacing 0.075,0.115
set logscale xy
set border 3 lc rgb "#666666"
set tics nomirror out scale 0.6 textcolor rgb "#333333"
set grid ytics lc rgb "#e4e4e4" lt 1
set key left top reverse Left samplen 1.5 textcolor rgb "#333333"
set format y "%g"; set format x "%g"
ours = "#0b6fb8"; second = "#59b3e8"; others = "#c0562a"; fourth = "#7a7a7a"
# A third more room above, for the key.
set offsets 0,0,graph 0.2,0

array names[3] = ["samples (one map of 16 x 16)", "maps of 16 x 16 (10 samples)", "side of the map (one map, 10 samples)"]
array lasts[3] = [10000, 1000, 1024]
set ylabel "ms a step"
do for [i=1:3] {
    set xlabel names[i]
    if (i == 3) { set xtics (4, 16, 64, 256, 1024); set xrange [4:1024] } else { set xtics auto; set xrange [1:lasts[i]] }
    plot data index i-1 using 1:4 with linespoints pt 7 ps 0.6 lw 2 lc rgb others title "textbook's Dijkstra, solves alone", \
         data index i-1 using 1:2 with linespoints pt 7 ps 0.6 lw 2 lc rgb ours title "forward and vjp, 1 thread", \
         data index i-1 using 1:3 with linespoints pt 7 ps 0.6 lw 2 lc rgb second title "2 threads", \
         data index i-1 using 1:5 with lines dt 2 lw 2 lc rgb fourth title "limit: its noise alone, 1 thread"
}
set xtics auto; set xrange [1:10000]
set xlabel names[1]; set ylabel "MiB held"
plot data index 0 using 1:6 with linespoints pt 7 ps 0.6 lw 2 lc rgb others title "forward (keeps samples)", \
     data index 0 using 1:7 with linespoints pt 7 ps 0.6 lw 2 lc rgb ours title "marginals"
set ylabel "ms a solve"
set xtics (4, 16, 64, 256, 1024); set xrange [4:1024]
set xlabel "side of the map"
plot data index 3 using 1:4 with linespoints pt 7 ps 0.6 lw 2 lc rgb others title "textbook's Dijkstra", \
     data index 3 using 1:2 with linespoints pt 7 ps 0.6 lw 2 lc rgb ours title "grid\\_shortest\\_path", \
     data index 3 using 1:5 with lines dt 2 lw 2 lc rgb fourth title "limit: theta read and z written once"
set xtics auto; set format x "10^{%T}"; set xrange [900:1100000]
set xlabel "edges of the city"
plot data index 4 using 1:4 with linespoints pt 7 ps 0.6 lw 2 lc rgb others title "textbook's Dijkstra", \
     data index 4 using 1:2 with linespoints pt 7 ps 0.6 lw 2 lc rgb ours title "shortest\\_path", \
     data index 4 using 1:5 with lines dt 2 lw 2 lc rgb fourth title "limit: theta read and z written once"
unset multiplot
